"""`linkerd diagnostics proxy-metrics`."""

import argparse
from typing import TYPE_CHECKING

from linkerd_cli.context import Context, run_async
from linkerd_cli.diagnostics.metrics import print_metrics
from linkerd_cli.errors import CliError, UsageError
from linkerd_cli.kinds import canonical
from linkerd_cli.tree import JsonObject, mapping, objects, text
from linkerd_cli.usage import Parser
from linkerd_contract import names

if TYPE_CHECKING:
    from linkerd_kube.client import KubeClient

EXAMPLES = """examples:
  linkerd diagnostics proxy-metrics -n emojivoto deploy/web"""


def configure(parser: Parser) -> None:
    """Flags."""
    parser.add_argument("resource", metavar="KIND/NAME", help="a pod, or a workload with a selector")
    parser.add_argument("-n", "--namespace", metavar="NAMESPACE", help="default: the context's, else default")


def run(args: argparse.Namespace, context: Context) -> int:
    """The metrics of every running meshed pod of the resource."""
    kind, slash, name = args.resource.partition("/")
    kind = canonical(kind)
    if not slash or not name:
        raise UsageError(f"{args.resource}: write KIND/NAME")
    return run_async(_run(args.namespace, context, kind, name))


async def _run(given: str | None, context: Context, kind: str, name: str) -> int:
    async with context.client() as client:
        namespace = given or client.namespace or "default"
        pods = [pod for pod in await pods_of(client, namespace, kind, name) if is_meshed(pod)]
        if not pods:
            raise CliError(f"{kind}/{name} in namespace {namespace} has no running meshed pod")
        return await print_metrics(client, pods, names.PROXY_CONTAINER, names.PORT_ADMIN)


def is_meshed(pod: JsonObject) -> bool:
    """Whether it runs, with a sidecar."""
    spec = mapping(pod, "spec")
    containers = [*objects(spec, "containers"), *objects(spec, "initContainers")]
    meshed = any(text(container, "name") == names.PROXY_CONTAINER for container in containers)
    return meshed and text(mapping(pod, "status"), "phase") == "Running"


async def pods_of(client: "KubeClient", namespace: str, kind: str, name: str) -> list[JsonObject]:
    """The pod itself, or those that the resource selects. Raises NotFound, CliError."""
    from linkerd_kube import resources

    if kind == "pod":
        return [await client.get(resources.PODS.path(namespace, name))]
    plural = {
        "deployment": resources.DEPLOYMENTS,
        "replicaset": resources.REPLICA_SETS,
        "statefulset": resources.STATEFUL_SETS,
        "daemonset": resources.DAEMON_SETS,
        "job": resources.JOBS,
        "service": resources.SERVICES,
    }.get(kind)
    if plural is None:
        raise CliError(f"{kind}: has no pods of its own")
    selector = mapping(mapping(await client.get(plural.path(namespace, name)), "spec"), "selector")
    labels = selector if kind == "service" else mapping(selector, "matchLabels")
    if not labels:
        raise CliError(f"{kind}/{name}: has no label selector")
    wanted = ",".join(f"{key}={value}" for key, value in labels.items())
    return (await client.list(resources.PODS, namespace, label_selector=wanted)).items
