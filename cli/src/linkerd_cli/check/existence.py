"""linkerd-existence and linkerd-config: whether the control plane is there, whole, and up."""

from http import HTTPStatus
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING

from linkerd_cli.check.model import Category, Check, Failed, Skipped
from linkerd_cli.check.namespaces import STUCK, going
from linkerd_cli.check.state import State
from linkerd_cli.install.relocate import relocated_name
from linkerd_cli.install.rendered import CONTROL_PLANE, names_by_kind
from linkerd_cli.pods import is_ready, pod_name
from linkerd_cli.tree import JsonObject, integer, labels, mapping, meta, objects, text
from linkerd_cli.values import read_values
from linkerd_contract import names

if TYPE_CHECKING:
    from linkerd_kube.resource import Resource

COMPONENTS = ("identity", "destination", "proxy-injector")


async def _config(state: State) -> None:
    from linkerd_kube.errors import NotFound

    try:
        state.values = await read_values(state.client, state.namespace)
    except NotFound as error:
        raise Failed("\n".join([str(error), *await going(state, state.namespace)])) from error


async def component_pods(state: State) -> list[JsonObject]:
    """The control plane's pods."""
    from linkerd_kube.resources import PODS

    listed = await state.client.list(PODS, state.namespace, label_selector=names.LABEL_CONTROL_PLANE_COMPONENT)
    return sorted(listed.items, key=pod_name)


async def _replica_sets(state: State) -> None:
    from linkerd_kube.resources import REPLICA_SETS

    listed = await state.client.list(REPLICA_SETS, state.namespace, label_selector=names.LABEL_CONTROL_PLANE_COMPONENT)
    unready = []
    for replica_set in listed.items:
        wanted = integer(mapping(replica_set, "spec"), "replicas")
        ready = integer(mapping(replica_set, "status"), "readyReplicas")
        if ready < wanted:
            unready.append(f"{meta(replica_set, 'name')}: {ready} of {wanted} ready")
    if unready:
        raise Failed("\n".join([*unready, *await _lacking(state)]))


async def _lacking(state: State) -> list[str]:
    """What the control plane's pods that run say on /ready: the cause, where a service waits for something."""
    from linkerd_kube.errors import ApiError
    from linkerd_kube.portforward import http_get

    found = []
    for pod in await component_pods(state):
        if is_ready(pod) or text(mapping(pod, "status"), "phase") != "Running":
            continue
        try:
            await http_get(state.client, state.namespace, pod_name(pod), names.PORT_SERVICE_ADMIN, "/ready")
        except ApiError as error:
            if error.status == HTTPStatus.SERVICE_UNAVAILABLE:
                found.append(f"{pod_name(pod)}: {error.message}")
    return found


async def _schedulable(state: State) -> None:
    stuck = [
        f"{pod_name(pod)}: {text(condition, 'message')}"
        for pod in await component_pods(state)
        for condition in objects(mapping(pod, "status"), "conditions")
        if condition.get("type") == "PodScheduled" and condition.get("reason") == "Unschedulable"
    ]
    if stuck:
        raise Failed("\n".join(stuck))


async def _pods_ready(state: State) -> None:
    pods = await component_pods(state)
    problems = []
    for component in COMPONENTS:
        ours = [pod for pod in pods if labels(pod).get(names.LABEL_CONTROL_PLANE_COMPONENT) == component]
        if not ours:
            problems.append(f'No running pods for "linkerd-{component}"')
        elif not any(map(is_ready, ours)):
            problems += [f'pod "{pod_name(pod)}" status is {_status(pod)}' for pod in ours]
    if problems:
        raise Failed("\n".join([*problems, *await _lacking(state), *await _missing(state)]))


async def _missing(state: State) -> list[str]:
    """What of the installation is not there: the likely cause of pods that do not come up."""
    found = []
    for check in CONFIG.checks:
        try:
            await check.run(state)
        except Failed as failed:
            found.append(str(failed))
    return found


def _status(pod: JsonObject) -> str:
    """What keeps a pod from being ready: a container's reason, or the phase."""
    status = mapping(pod, "status")
    for key in ("initContainerStatuses", "containerStatuses"):
        for container in objects(status, key):
            waiting = mapping(mapping(container, "state"), "waiting")
            if reason := text(waiting, "reason"):
                message = text(waiting, "message")
                return f"{reason} ({message})" if message else reason
    phase = text(status, "phase") or "Unknown"
    return f"{phase}, not ready" if phase == "Running" else phase


async def _contains(state: State, found: list[tuple[str, str]]) -> None:
    """Whether the cluster's networks contain addresses or networks, each with what it is of."""
    networks = [ip_network(n.strip()) for n in text(state.values, "clusterNetworks").split(",") if n.strip()]

    def inside(text: str) -> bool:
        try:
            return any(ip_address(text) in network for network in networks)
        except ValueError:
            inner = ip_network(text, strict=False)
            return any(inner.version == n.version and inner.subnet_of(n) for n in networks)  # type: ignore[arg-type]

    outside = [f"the Linkerd clusterNetworks do not include {of} ({what})" for of, what in found if not inside(what)]
    if outside:
        raise Failed("\n".join(outside))


async def _node_cidrs(state: State) -> None:
    from linkerd_kube.resources import NODES

    nodes = (await state.client.list(NODES)).items
    found = [(f"node {meta(n, 'name')}", text(mapping(n, "spec"), "podCIDR")) for n in nodes]
    if not any(cidr for _, cidr in found):
        raise Skipped
    await _contains(state, [(of, cidr) for of, cidr in found if cidr])


async def _pod_ips(state: State) -> None:
    from linkerd_kube.resources import PODS

    pods = (await state.client.list(PODS)).items
    await _contains(
        state,
        [
            (f"pod {meta(p, 'namespace')}/{pod_name(p)}", ip)
            for p in pods
            if not mapping(p, "spec").get("hostNetwork") and (ip := text(mapping(p, "status"), "podIP"))
        ],
    )


async def _service_ips(state: State) -> None:
    from linkerd_kube.resources import SERVICES

    services = (await state.client.list(SERVICES)).items
    await _contains(
        state,
        [
            (f"service {meta(s, 'namespace')}/{meta(s, 'name')}", ip)
            for s in services
            if (ip := text(mapping(s, "spec"), "clusterIP")) not in ("", "None")
        ],
    )


EXISTENCE = Category(
    "linkerd-existence",
    (
        Check(f"'{names.CONFIG_MAP}' config map exists", "l5d-existence-linkerd-config", _config, fatal=True),
        Check(
            "control plane replica sets are ready", "l5d-existence-replicasets", _replica_sets, fatal=True, retry=True
        ),
        Check("no unschedulable pods", "l5d-existence-unschedulable-pods", _schedulable, warning=True),
        Check("control plane pods are ready", "l5d-api-control-ready", _pods_ready, fatal=True, retry=True),
        Check("cluster networks contains all node podCIDRs", "l5d-cluster-networks-cidr", _node_cidrs),
        Check("cluster networks contains all pods", "l5d-cluster-networks-pods", _pod_ips),
        Check("cluster networks contains all services", "l5d-cluster-networks-pods", _service_ips),
    ),
)


def exist(description: str, anchor: str, manifest: str, kind: str, *, fatal: bool = False) -> Check:
    """Every object of a kind that the manifests name is there."""

    async def run(state: State) -> None:
        from linkerd_kube import resources

        resource: Resource = {
            "Namespace": resources.NAMESPACES,
            "ClusterRole": resources.CLUSTER_ROLES,
            "ClusterRoleBinding": resources.CLUSTER_ROLE_BINDINGS,
            "Role": resources.ROLES,
            "RoleBinding": resources.ROLE_BINDINGS,
            "ServiceAccount": resources.SERVICE_ACCOUNTS,
            "CustomResourceDefinition": resources.CRDS,
            "MutatingWebhookConfiguration": resources.MUTATING_WEBHOOKS,
            "ValidatingWebhookConfiguration": resources.VALIDATING_WEBHOOKS,
        }[kind]
        expected = names_by_kind(manifest, kind)
        if manifest == CONTROL_PLANE:
            expected = [relocated_name(kind, name, state.namespace) for name in expected]
        namespace = state.namespace if resource.namespaced else None
        present = {meta(item, "name") for item in (await state.client.list(resource, namespace)).items}
        if missing := [name for name in expected if name not in present]:
            raise Failed(f"missing {kind}s: {', '.join(missing)}")
        if kind == "Namespace":
            ends = [line for name in expected for line in await going(state, name)]
            if ends:
                raise Failed("\n".join(ends))

    return Check(description, anchor, run, fatal=fatal)


_DEFINITIONS = exist(
    "control plane CustomResourceDefinitions exist", "l5d-existence-crd", CONTROL_PLANE, "CustomResourceDefinition"
)
DEFINITIONS = Category("linkerd-crd", (_DEFINITIONS,))


async def _init_as_root(state: State) -> None:
    """Docker's runtime gives capabilities to root alone, which the init container needs (Linkerd)."""
    from linkerd_kube.resources import NODES

    docker = [
        meta(node, "name")
        for node in (await state.client.list(NODES)).items
        if text(mapping(mapping(node, "status"), "nodeInfo"), "containerRuntimeVersion").startswith("docker:")
    ]
    if docker and mapping(state.values, "proxyInit").get("runAsRoot") is not True:
        raise Failed(
            f"there are nodes using the docker container runtime and proxy-init container must run as root user: "
            f"{', '.join(docker)}\nlinkerd upgrade --set proxyInit.runAsRoot=true"
        )


CONFIG = Category(
    "linkerd-config",
    (
        exist("control plane Namespace exists", "l5d-existence-ns", CONTROL_PLANE, "Namespace", fatal=True),
        exist("control plane ClusterRoles exist", "l5d-existence-cr", CONTROL_PLANE, "ClusterRole"),
        exist("control plane ClusterRoleBindings exist", "l5d-existence-crb", CONTROL_PLANE, "ClusterRoleBinding"),
        exist("control plane Roles exist", "l5d-existence-role", CONTROL_PLANE, "Role"),
        exist("control plane RoleBindings exist", "l5d-existence-rb", CONTROL_PLANE, "RoleBinding"),
        exist("control plane ServiceAccounts exist", "l5d-existence-sa", CONTROL_PLANE, "ServiceAccount"),
        _DEFINITIONS,
        exist(
            "control plane MutatingWebhookConfigurations exist",
            "l5d-existence-mwc",
            CONTROL_PLANE,
            "MutatingWebhookConfiguration",
        ),
        exist(
            "control plane ValidatingWebhookConfigurations exist",
            "l5d-existence-vwc",
            CONTROL_PLANE,
            "ValidatingWebhookConfiguration",
        ),
        Check(
            "proxy-init container runs as root user if docker container runtime is used",
            "l5d-proxy-init-run-as-root",
            _init_as_root,
        ),
    ),
)


async def _replicas(state: State) -> None:
    from linkerd_kube.resources import DEPLOYMENTS

    if state.values.get("highAvailability") is not True:
        raise Skipped
    deployments = (await state.client.list(DEPLOYMENTS, state.namespace)).items
    ready = {meta(d, "name"): integer(mapping(d, "status"), "readyReplicas") for d in deployments}
    few = [f"linkerd-{c} ({ready.get(f'linkerd-{c}', 0)})" for c in COMPONENTS if ready.get(f"linkerd-{c}", 0) < 2]
    if few:
        raise Failed(f"not enough replicas available for {', '.join(few)}")


async def _extension_namespaces(state: State) -> None:
    from linkerd_kube.resources import NAMESPACES

    listed = (await state.client.list(NAMESPACES, label_selector=names.LABEL_EXTENSION)).items
    by_extension: dict[str, list[str]] = {}
    for namespace in listed:
        by_extension.setdefault(labels(namespace)[names.LABEL_EXTENSION], []).append(meta(namespace, "name"))
    twice = [f"extension {e} has the namespaces {', '.join(sorted(n))}" for e, n in by_extension.items() if len(n) > 1]
    if twice:
        raise Failed("\n".join(sorted(twice)))


HA = Category(
    "linkerd-ha-checks",
    (Check("multiple replicas of control plane pods", "l5d-control-plane-replicas", _replicas, warning=True),),
)
EXTENSIONS = Category(
    "linkerd-extension-checks",
    (
        Check(
            "namespace configuration for extensions", "l5d-extension-namespaces", _extension_namespaces, warning=True
        ),
        STUCK,
    ),
)
