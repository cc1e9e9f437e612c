"""The part of Kubernetes objects that answers depend on, and nothing else.

Everything is immutable and compares by value: a change that leaves these as they were (a heartbeat in a status, a new
resourceVersion) is no change, and nobody is told. They hold no cycles, so the garbage collector need not walk over the
hundreds of thousands of a large cluster (gc=False): a full collection there stopped the service for seconds.
"""

from msgspec import Struct

from linkerd_rules.validation.meta import Resource

NamespacedName = tuple[str, str]
"""Namespace and name."""
NamedPorts = tuple[tuple[str, int], ...]
Labels = tuple[tuple[str, str], ...]
"""Sorted by name. Pods of one template share one tuple."""


class Namespace(Struct, frozen=True, kw_only=True, gc=False):
    """Annotations that workloads inherit; None where not set."""

    name: str
    uid: str = ""
    opaque_ports: str | None = None
    default_inbound_policy: str | None = None

    @property
    def key(self) -> NamespacedName:
        return ("", self.name)


class ServicePort(Struct, frozen=True, kw_only=True, gc=False):
    """A TCP port of a Service. `name` is "" where it has none."""

    port: int
    name: str = ""
    app_protocol: str = ""
    target: int | str = 0
    """The port of its pods, or the name of theirs."""


class Service(Struct, frozen=True, kw_only=True, gc=False):
    """A Service; `ips` are its ClusterIPs, none where it is headless."""

    namespace: str
    name: str
    uid: str = ""
    ips: tuple[str, ...] = ()
    ports: tuple[ServicePort, ...] = ()
    selector: Labels = ()
    """Labels of its pods; none where it has no pods of its own."""
    external_name: bool = False
    local_only: bool = False
    """internalTrafficPolicy: Local, only endpoints on the caller's node."""
    opaque_ports: str | None = None
    traffic: tuple[tuple[str, str], ...] = ()
    """Annotations about retries, timeouts and balancing, sorted."""

    @property
    def key(self) -> NamespacedName:
        return (self.namespace, self.name)

    @property
    def headless(self) -> bool:
        return not self.ips

    @property
    def named_ports(self) -> NamedPorts:
        return tuple((p.name, p.port) for p in self.ports if p.name)


class PodReference(Struct, frozen=True, kw_only=True, gc=False):
    """The pod that an endpoint stands for. `uid` tells it from a later pod of the same name."""

    namespace: str
    name: str
    uid: str = ""


class SliceEndpoint(Struct, frozen=True, kw_only=True, gc=False):
    """One endpoint that is to get traffic."""

    addresses: tuple[str, ...]
    hostname: str = ""
    node: str = ""
    pod: PodReference | None = None
    zone: str = ""
    for_zones: tuple[str, ...] = ()


class Slice(Struct, frozen=True, kw_only=True, gc=False):
    """An EndpointSlice. `ipv6` says of which family all its addresses are; `ports` are by service-port name."""

    namespace: str
    name: str
    service: str
    ipv6: bool = False
    ports: NamedPorts = ()
    endpoints: tuple[SliceEndpoint, ...] = ()

    @property
    def key(self) -> NamespacedName:
        return (self.namespace, self.name)


class Node(Struct, frozen=True, kw_only=True, gc=False):
    """A node; `zone` is "" where it has none."""

    name: str
    zone: str = ""

    @property
    def key(self) -> NamespacedName:
        return ("", self.name)


class Probe(Struct, frozen=True, kw_only=True, gc=False):
    """An httpGet probe that the kubelet sends in plain text."""

    port: int
    path: str


class Pod(Struct, frozen=True, kw_only=True, gc=False):
    """A pod. `owner` is Linkerd's label for what made it and its name: ("deployment", "web")."""

    namespace: str
    name: str
    uid: str = ""
    ips: tuple[str, ...] = ()
    labels: Labels = ()
    node: str = ""
    host_ips: tuple[str, ...] = ()
    """Of the node; only where there are host ports."""
    host_ports: tuple[tuple[int, int], ...] = ()
    """Ports of the node that lead to container ports: (host port, container port)."""
    ended: bool = False
    """Its containers are gone for good, and so is its address."""
    deleting: bool = False
    host_network: bool = False
    service_account: str = "default"
    owner: tuple[str, str] | None = None
    template_hash: str = ""
    control_plane_namespace: str = ""
    has_proxy: bool = False
    admin_port: int = 4191
    ports: NamedPorts = ()
    """Container ports of the application; "" where a port has no name."""
    probes: tuple[Probe, ...] = ()
    opaque_ports: str | None = None
    skip_inbound_ports: str | None = None
    default_inbound_policy: str | None = None
    require_identity_ports: str | None = None

    @property
    def key(self) -> NamespacedName:
        return (self.namespace, self.name)

    @property
    def named_ports(self) -> NamedPorts:
        return tuple((name, port) for name, port in self.ports if name)


Object = Namespace | Node | Service | Slice | Pod | Resource
"""Custom resources (Resource) are as their readers make them."""
