"""`linkerd viz uninstall`: viz's resources, as manifests for `kubectl delete -f -`."""

import argparse
import sys

from linkerd_cli.context import Context, run_async
from linkerd_cli.documents import SEPARATOR, dump_yaml
from linkerd_cli.errors import CliError
from linkerd_cli.tree import JsonObject
from linkerd_cli.uninstall import labelled
from linkerd_cli.usage import Parser
from linkerd_contract import names

EXAMPLES = """examples:
  linkerd viz uninstall | kubectl delete -f -"""


def configure(_parser: Parser) -> None:
    """No flags."""


def run(_args: argparse.Namespace, context: Context) -> int:
    """Print them."""
    found = run_async(_find(context))
    if not found:
        raise CliError("no resources found to uninstall")
    sys.stdout.write(SEPARATOR.join(dump_yaml(item) for item in found))
    return 0


async def _find(context: Context) -> list[JsonObject]:
    from linkerd_kube import resources

    async with context.client() as client:
        kinds = [
            # First what the API server would go on asking.
            resources.MUTATING_WEBHOOKS,
            resources.API_SERVICES,
            resources.ROLE_BINDINGS,
            resources.ROLES,
            resources.CLUSTER_ROLE_BINDINGS,
            resources.CLUSTER_ROLES,
            resources.NAMESPACES,
        ]
        return await labelled(client, kinds, f"{names.LABEL_EXTENSION}=viz")
