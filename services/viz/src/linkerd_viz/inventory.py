"""Which pods there are, and what each belongs to. PURE, over what the API server lists.

Only the fields that are used are decoded: a cluster's pods are many.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec

from linkerd_contract import names

Key = tuple[str, str]
"""Namespace and name; the namespace of a cluster-scoped object is ""."""


class Owner(msgspec.Struct, frozen=True, gc=False):
    """A reference to an owner."""

    kind: str
    name: str
    controller: bool = False


class Meta(msgspec.Struct, rename="camel", frozen=True, gc=False):
    """metadata."""

    name: str
    namespace: str = ""
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    owner_references: list[Owner] = []
    deletion_timestamp: str | None = None

    @property
    def key(self) -> Key:
        """Namespace and name."""
        return self.namespace, self.name


class Port(msgspec.Struct, rename="camel", frozen=True, gc=False):
    """A container's port."""

    container_port: int
    name: str = ""


class Container(msgspec.Struct, frozen=True, gc=False):
    """A container."""

    name: str
    ports: list[Port] = []


class PodSpec(msgspec.Struct, rename="camel", frozen=True, gc=False):
    """What viz needs of a pod's spec."""

    containers: list[Container] = []
    init_containers: list[Container] = []
    service_account_name: str = "default"


class PodStatus(msgspec.Struct, frozen=True, gc=False):
    """What viz needs of a pod's status."""

    phase: str = ""
    pod_ip: str = msgspec.field(default="", name="podIP")


class Pod(msgspec.Struct, frozen=True, gc=False):
    """A pod."""

    metadata: Meta
    spec: PodSpec = PodSpec()
    status: PodStatus = PodStatus()

    @property
    def active(self) -> bool:
        """Running or about to be, and not on its way out."""
        return self.status.phase in ("Running", "Pending") and self.metadata.deletion_timestamp is None

    @property
    def proxy(self) -> Container | None:
        """The sidecar, in native or classic form."""
        for container in (*self.spec.containers, *self.spec.init_containers):
            if container.name == names.PROXY_CONTAINER:
                return container
        return None

    @property
    def admin_addr(self) -> str | None:
        """Where its proxy's metrics are, "ip:port"; None for a pod that is not meshed or has no address."""
        proxy, ip = self.proxy, self.status.pod_ip
        if proxy is None or not ip or self.status.phase != "Running":
            return None
        port = next((p.container_port for p in proxy.ports if p.name == "linkerd-admin"), names.PORT_ADMIN)
        return f"[{ip}]:{port}" if ":" in ip else f"{ip}:{port}"


class Named(msgspec.Struct, frozen=True, gc=False):
    """An object of which only the metadata counts (Namespace, Deployment, ReplicaSet)."""

    metadata: Meta


class ServiceSpec(msgspec.Struct, frozen=True, gc=False):
    """What viz needs of a Service's spec."""

    selector: dict[str, str] = {}


class Service(msgspec.Struct, frozen=True, gc=False):
    """A Service."""

    metadata: Meta
    spec: ServiceSpec = ServiceSpec()


class Backend(msgspec.Struct, frozen=True, gc=False):
    """One leaf of a TrafficSplit; its weight as v1alpha2 (a number) or v1alpha1 (a quantity) writes it."""

    service: str
    weight: int | str = 0


class SplitSpec(msgspec.Struct, frozen=True, gc=False):
    """What viz needs of a TrafficSplit's spec."""

    service: str = ""
    backends: list[Backend] = []


class Split(msgspec.Struct, frozen=True, gc=False):
    """A TrafficSplit."""

    metadata: Meta
    spec: SplitSpec = SplitSpec()


class RouteName(msgspec.Struct, frozen=True, gc=False):
    """A route of a ServiceProfile."""

    name: str = ""


class ProfileSpec(msgspec.Struct, frozen=True, gc=False):
    """What viz needs of a ServiceProfile's spec."""

    routes: list[RouteName] = []


class Profile(msgspec.Struct, frozen=True, gc=False):
    """A ServiceProfile; its name is the service's full name."""

    metadata: Meta
    spec: ProfileSpec = ProfileSpec()


@dataclass(frozen=True, slots=True)
class Inventory:
    """Everything at one moment. `workloads` are listed by kind so that those without pods have a row too."""

    pods: list[Pod] = field(default_factory=list)
    replica_sets: list[Named] = field(default_factory=list)
    jobs: list[Named] = field(default_factory=list)
    services: list[Service] = field(default_factory=list)
    namespaces: list[Named] = field(default_factory=list)
    workloads: dict[str, list[Named]] = field(default_factory=dict)
    splits: list[Split] = field(default_factory=list)
    profiles: list[Profile] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Group:
    """A resource and the pods behind it."""

    kind: str
    namespace: str
    name: str
    pods: list[Pod]
    labels: Mapping[str, str] = field(default_factory=dict)
    """Its own, or, where only its pods are known, those of one."""

    @property
    def meshed(self) -> list[Pod]:
        """Its pods that have a sidecar."""
        return [pod for pod in self.pods if pod.proxy is not None]


# The topmost of a pod's owners first: from what pods come and go with to what stays.
WORKLOADS = (
    *("deployment", "statefulset", "daemonset", "cronjob", "job"),
    *("replicaset", "replicationcontroller", "pod"),
)
KINDS = (*WORKLOADS, "namespace", "service")
Parents = Mapping[tuple[str, str, str], str]
"""Of a ReplicaSet or a Job, by kind, namespace and name, the Deployment or CronJob that made it."""
_ABOVE = {"replicaset": ("deployment", "Deployment"), "job": ("cronjob", "CronJob")}


def _controller(meta: Meta) -> Owner | None:
    return next((owner for owner in meta.owner_references if owner.controller), None)


def owners(pod: Pod, parents: Parents) -> dict[str, str]:
    """Names of what the pod belongs to, by kind."""
    found = {"pod": pod.metadata.name, "namespace": pod.metadata.namespace}
    owner = _controller(pod.metadata)
    if owner is None:
        return found
    kind = owner.kind.lower()
    found[kind] = owner.name
    if parent := parents.get((kind, pod.metadata.namespace, owner.name)):
        found[_ABOVE[kind][0]] = parent
    return found


def parents_of(inventory: Inventory) -> Parents:
    """Of all ReplicaSets and Jobs that have one."""
    return {
        (kind, *made.metadata.key): owner.name
        for kind, listed in (("replicaset", inventory.replica_sets), ("job", inventory.jobs))
        for made in listed
        if (owner := _controller(made.metadata)) is not None and owner.kind == _ABOVE[kind][1]
    }


def groups(inventory: Inventory, kind: str) -> list[Group]:
    """Every resource of a kind with its active pods, by namespace and name. Those not in `workloads` only with pods."""
    found: dict[Key, list[Pod]] = {}
    if kind == "service":
        return _services(inventory)
    listed = inventory.namespaces if kind == "namespace" else inventory.workloads.get(kind, [])
    for workload in listed:
        found[workload.metadata.key] = []
    labels = {workload.metadata.key: workload.metadata.labels for workload in listed}
    parents = parents_of(inventory)
    for pod in inventory.pods:
        name = owners(pod, parents).get(kind) if pod.active else None
        if name is not None:
            found.setdefault(("" if kind == "namespace" else pod.metadata.namespace, name), []).append(pod)
    return [
        Group(kind, *key, pods, labels.get(key) or (pods[0].metadata.labels if pods else {}))
        for key, pods in sorted(found.items())
    ]


def meshed_pods(inventory: Inventory) -> list[Pod]:
    """Active pods with a sidecar."""
    return [pod for pod in inventory.pods if pod.active and pod.proxy is not None]


def workload_of(found: Mapping[str, str]) -> tuple[str, str]:
    """Kind and name of the topmost of a pod's owners."""
    return next((kind, found[kind]) for kind in WORKLOADS if kind in found)


def workload_of_pods(inventory: Inventory) -> dict[Key, tuple[str, str, str]]:
    """Kind, namespace and name of the workload of every active pod."""
    parents = parents_of(inventory)
    found = {}
    for pod in inventory.pods:
        if pod.active:
            kind, name = workload_of(owners(pod, parents))
            found[pod.metadata.key] = (kind, pod.metadata.namespace, name)
    return found


def _services(inventory: Inventory) -> list[Group]:
    by_namespace: dict[str, list[Pod]] = {}
    for pod in inventory.pods:
        if pod.active:
            by_namespace.setdefault(pod.metadata.namespace, []).append(pod)
    found = []
    for service in sorted(inventory.services, key=lambda s: s.metadata.key):
        selector = service.spec.selector.items()
        pods = [
            pod
            for pod in by_namespace.get(service.metadata.namespace, [])
            if selector and selector <= pod.metadata.labels.items()
        ]
        found.append(Group("service", service.metadata.namespace, service.metadata.name, pods, service.metadata.labels))
    return found
