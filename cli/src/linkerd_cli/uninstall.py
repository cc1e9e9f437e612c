"""`linkerd uninstall`: what the control plane left in the cluster, as manifests for `kubectl delete -f -`."""

import argparse
import sys
from typing import TYPE_CHECKING

from linkerd_cli.context import Context, run_async
from linkerd_cli.documents import SEPARATOR, dump_yaml
from linkerd_cli.errors import CliError
from linkerd_cli.install.survey import selector
from linkerd_cli.tree import JsonObject, mapping, meta, text
from linkerd_cli.usage import Parser
from linkerd_contract import names

if TYPE_CHECKING:
    from linkerd_kube.client import KubeClient
    from linkerd_kube.resource import Resource

EXAMPLES = """examples:
  linkerd uninstall | kubectl delete -f -"""


def configure(parser: Parser) -> None:
    """Flags."""
    parser.add_argument("-f", "--force", action="store_true", help="also while pods are meshed or extensions installed")


def run(args: argparse.Namespace, context: Context) -> int:
    """Refuses while something still needs the control plane."""
    found = run_async(_find(context, args.force))
    if not found:
        raise CliError("no resources found to uninstall")
    sys.stdout.write(SEPARATOR.join(dump_yaml(item) for item in found))
    return 0


async def _find(context: Context, force: bool) -> list[JsonObject]:
    from linkerd_kube import resources

    async with context.client() as client:
        if not force:
            await _refuse_while_in_use(client, context.namespace)
        kinds = [
            resources.CLUSTER_ROLE_BINDINGS,
            resources.CLUSTER_ROLES,
            resources.MUTATING_WEBHOOKS,
            resources.VALIDATING_WEBHOOKS,
            resources.CRDS,
            resources.NAMESPACES,
        ]
        # Both labels: another Linkerd's definitions carry the first one too.
        return await labelled(client, kinds, selector(context.namespace))


async def labelled(client: "KubeClient", kinds: list["Resource"], selector: str) -> list[JsonObject]:
    """Objects with a label, reduced to what `kubectl delete` needs."""
    from linkerd_kube.errors import NotFound

    found: list[JsonObject] = []
    for kind in kinds:
        try:
            listed = await client.list(kind, label_selector=selector)
        except NotFound:  # the server does not serve this kind
            continue
        for item in sorted(listed.items, key=lambda i: text(mapping(i, "metadata"), "name")):
            name = text(mapping(item, "metadata"), "name")
            metadata: JsonObject = {"name": name}
            if kind.namespaced:
                metadata["namespace"] = meta(item, "namespace")
            found.append({"apiVersion": kind.api_version, "kind": kind.kind, "metadata": metadata})
    return found


async def _refuse_while_in_use(client: "KubeClient", namespace: str) -> None:
    from linkerd_kube import resources

    extensions = await client.list(resources.NAMESPACES, label_selector=names.LABEL_EXTENSION)
    if extensions.items:
        listed = ", ".join(
            text(mapping(mapping(i, "metadata"), "labels"), names.LABEL_EXTENSION) for i in extensions.items
        )
        raise CliError(f"extensions are still installed: {listed}; uninstall them first, or use --force")
    pods = await client.list(resources.PODS, label_selector=f"{names.LABEL_CONTROL_PLANE_NS}={namespace}")
    if pods.items:
        metadata = mapping(pods.items[0], "metadata")
        first = f"{text(metadata, 'namespace')}/{text(metadata, 'name')}"
        raise CliError(f"{len(pods.items)} pods are still meshed, such as {first}; uninject them first, or use --force")
