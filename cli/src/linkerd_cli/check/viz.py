"""linkerd-viz: whether the extension is there and answers."""

from linkerd_cli.check.existence import exist
from linkerd_cli.check.model import Category, Check, Failed, Skipped
from linkerd_cli.check.state import State
from linkerd_cli.check.viz_tap import TAP_CHECKS
from linkerd_cli.errors import CliError
from linkerd_cli.install.rendered import VIZ
from linkerd_cli.pods import is_ready, pod_name
from linkerd_cli.tree import JsonObject, labels, mapping, objects, text
from linkerd_contract import names

PROMETHEUS_URL = "LINKERD_VIZ_PROMETHEUS_URL"
METRICS_API = f"{names.LABEL_EXTENSION}=viz,component=metrics-api"


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


async def _prometheus(state: State) -> None:
    """Where viz was told to ask a Prometheus: whether it answers."""
    from linkerd_cli.viz.metrics_api import query
    from linkerd_contract.viz import STAT_PATH, StatResponse
    from linkerd_kube.resources import PODS

    pods = (await state.client.list(PODS, state.context.viz_namespace, label_selector=METRICS_API)).items
    if not any(_names_prometheus(pod) for pod in pods):
        raise Skipped
    try:
        await query(state.client, state.context, STAT_PATH, {"kind": "namespace"}, StatResponse)
    except CliError as error:
        raise Failed(str(error)) from error


def _names_prometheus(pod: JsonObject) -> bool:
    containers = objects(mapping(pod, "spec"), "containers")
    return any(text(e, "name") == PROMETHEUS_URL for c in containers for e in objects(c, "env"))


async def _data_plane_namespace(state: State) -> None:
    from linkerd_kube.errors import NotFound
    from linkerd_kube.resources import NAMESPACES

    if state.data_plane is None:
        raise Skipped
    try:
        await state.client.get(NAMESPACES.path(name=state.data_plane))
    except NotFound:
        raise Failed(f'The "{state.data_plane}" namespace does not exist') from None


async def _measured(state: State) -> None:
    """Every meshed pod is measured now."""
    from linkerd_cli.viz.metrics_api import query
    from linkerd_contract.viz import PODS_PATH, PodsResponse

    params = {"namespace": state.data_plane} if state.data_plane is not None else {}
    rows = (await query(state.client, state.context, PODS_PATH, params, PodsResponse)).rows
    if not any(row.meshed for row in rows):
        raise Failed("no meshed pod runs there")
    if missing := [f"{row.namespace}/{row.name}: {row.failure}" for row in rows if row.failure]:
        raise Failed("\n".join(["Data plane metrics are missing for:", *missing[:10]]))


CHECKS = Category(
    "linkerd-viz",
    (
        Check("linkerd-viz Namespace exists", "l5d-viz-ns-exists", _namespace, fatal=True),
        exist("linkerd-viz ClusterRoles exist", "l5d-viz-cr-exists", VIZ, "ClusterRole"),
        exist("linkerd-viz ClusterRoleBindings exist", "l5d-viz-crb-exists", VIZ, "ClusterRoleBinding"),
        *TAP_CHECKS,
        Check("viz extension pods are running", "l5d-viz-pods-running", _pods, fatal=True, retry=True),
        Check("prometheus is installed and configured correctly", "l5d-viz-prometheus", _prometheus, warning=True),
        Check("viz extension self-check", "l5d-viz-metrics-api", _self_check, retry=True),
    ),
)
DATA_PLANE = Category(
    "linkerd-viz-data-plane",
    (
        Check("data plane namespace exists", "l5d-viz-data-plane-ns-exists", _data_plane_namespace, fatal=True),
        Check(
            "data plane proxy metrics are present", "l5d-viz-data-plane-metrics", _measured, warning=True, retry=True
        ),
    ),
)
