"""`linkerd diagnostics controller-metrics`."""

import argparse

from linkerd_cli.context import Context, run_async
from linkerd_cli.diagnostics.metrics import print_metrics
from linkerd_cli.errors import CliError
from linkerd_cli.tree import mapping, text
from linkerd_cli.usage import Parser
from linkerd_contract import names

EXAMPLES = """examples:
  linkerd diagnostics controller-metrics"""


def configure(_parser: Parser) -> None:
    """No flags."""


def run(_args: argparse.Namespace, context: Context) -> int:
    """The metrics of every running control plane pod."""
    return run_async(_run(context))


async def _run(context: Context) -> int:
    from linkerd_kube.resources import PODS

    async with context.client() as client:
        listed = await client.list(PODS, context.namespace, label_selector=names.LABEL_CONTROL_PLANE_COMPONENT)
        pods = [pod for pod in listed.items if text(mapping(pod, "status"), "phase") == "Running"]
        if not pods:
            raise CliError(f"no control plane pod runs in namespace {context.namespace}")
        return await print_metrics(client, pods, "controller", names.PORT_SERVICE_ADMIN)
