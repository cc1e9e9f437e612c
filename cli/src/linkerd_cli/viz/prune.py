"""`linkerd viz prune`: what an earlier version installed and this one's manifests lack, for `kubectl delete -f -`."""

import argparse
import sys
from typing import TYPE_CHECKING

from linkerd_cli.context import Context, run_async
from linkerd_cli.documents import SEPARATOR, dump_yaml
from linkerd_cli.install.manifests import as_object
from linkerd_cli.install.rendered import VIZ, documents
from linkerd_cli.tree import JsonObject, meta, text
from linkerd_cli.uninstall import labelled
from linkerd_cli.usage import Parser
from linkerd_contract import names

if TYPE_CHECKING:
    from linkerd_kube.resource import Resource

EXAMPLES = """examples:
  linkerd viz install | kubectl apply -f -
  linkerd viz prune | kubectl delete -f -"""


def configure(_parser: Parser) -> None:
    """No flags."""


def run(_args: argparse.Namespace, context: Context) -> int:
    """Prints nothing where nothing is left over."""
    sys.stdout.write(SEPARATOR.join(dump_yaml(item) for item in run_async(_left_over(context))))
    return 0


def _identity(obj: JsonObject) -> tuple[str, str, str]:
    return text(obj, "kind"), meta(obj, "namespace"), meta(obj, "name")


async def _left_over(context: Context) -> list[JsonObject]:
    """Only what carries part-of too: a Secret that a process made for itself is not in the manifests, and stays."""
    current = {_identity(as_object(document.text)) for document in documents(VIZ)}
    selector = f"{names.LABEL_EXTENSION}=viz,app.kubernetes.io/part-of=linkerd-viz"
    async with context.client() as client:
        found = await labelled(client, _kinds(), selector)
    return [item for item in found if _identity(item) not in current]


def _kinds() -> "list[Resource]":
    from linkerd_kube import resources

    return [
        resources.API_SERVICES,
        resources.DEPLOYMENTS,
        resources.SERVICES,
        resources.CONFIG_MAPS,
        resources.SECRETS,
        resources.ROLE_BINDINGS,
        resources.ROLES,
        resources.CLUSTER_ROLE_BINDINGS,
        resources.CLUSTER_ROLES,
        resources.SERVICE_ACCOUNTS,
    ]
