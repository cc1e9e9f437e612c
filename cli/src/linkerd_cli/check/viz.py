"""linkerd-viz: whether the extension is there and answers."""

from linkerd_cli.check.existence import exist
from linkerd_cli.check.model import Category, Check, Failed
from linkerd_cli.check.state import State
from linkerd_cli.install.rendered import VIZ
from linkerd_cli.pods import is_ready, pod_name
from linkerd_cli.tree import labels
from linkerd_contract import names


async def installed(state: State) -> bool:
    """Whether the namespace is there and is viz's."""
    from linkerd_kube.errors import NotFound
    from linkerd_kube.resources import NAMESPACES

    try:
        namespace = await state.client.get(NAMESPACES.path(name=state.context.viz_namespace))
    except NotFound:
        return False
    return labels(namespace).get(names.LABEL_EXTENSION) == "viz"


async def _namespace(state: State) -> None:
    if not await installed(state):
        raise Failed(f"namespace {state.context.viz_namespace} is not there, or is not viz's: linkerd viz install")


async def _pods(state: State) -> None:
    from linkerd_kube.resources import PODS

    selector = f"{names.LABEL_EXTENSION}=viz"
    pods = (await state.client.list(PODS, state.context.viz_namespace, label_selector=selector)).items
    if not pods:
        raise Failed(f"no pod runs in namespace {state.context.viz_namespace}")
    if unready := [pod_name(pod) for pod in pods if not is_ready(pod)]:
        raise Failed(f"not ready: {', '.join(sorted(unready))}")


async def _self_check(state: State) -> None:
    """The API answers, over the same path that the commands take."""
    from linkerd_cli.viz.metrics_api import query
    from linkerd_contract.viz import STAT_PATH, StatResponse

    response = await query(state.client, state.context, STAT_PATH, {"kind": "namespace"}, StatResponse)
    if response.unscraped:
        raise Failed(f"metrics that cannot be read: {', '.join(response.unscraped[:5])}")


CHECKS = Category(
    "linkerd-viz",
    (
        Check("linkerd-viz Namespace exists", "l5d-viz-ns-exists", _namespace, fatal=True),
        exist("linkerd-viz ClusterRoles exist", "l5d-viz-cr-exists", VIZ, "ClusterRole"),
        exist("linkerd-viz ClusterRoleBindings exist", "l5d-viz-crb-exists", VIZ, "ClusterRoleBinding"),
        Check("viz extension pods are running", "l5d-viz-pods-running", _pods, fatal=True, retry=True),
        Check("viz extension self-check", "l5d-viz-metrics-api", _self_check, retry=True),
    ),
)
