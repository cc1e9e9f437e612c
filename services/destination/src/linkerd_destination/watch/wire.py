"""The narrow part of Kubernetes' JSON that is decoded at all, under Kubernetes' names. Null is the same as absent.

Decoding into these structs skips the rest of an object without building it: most of a pod is not for us.
"""

from msgspec import Struct, field


class Meta(Struct, rename="camel"):
    name: str
    namespace: str = ""
    uid: str = ""
    labels: dict[str, str] | None = None
    annotations: dict[str, str] | None = None
    deletion_timestamp: str | None = None
    owner_references: "list[Owner] | None" = None

    def label(self, name: str) -> str:
        return (self.labels or {}).get(name, "")

    def annotation(self, name: str) -> str | None:
        return (self.annotations or {}).get(name)


class Owner(Struct):
    kind: str
    name: str
    controller: bool | None = None


class Namespace(Struct):
    metadata: Meta


class ServicePort(Struct, rename="camel"):
    port: int
    name: str | None = None
    protocol: str | None = None
    app_protocol: str | None = None
    target_port: int | str | None = None


class ServiceSpec(Struct, rename="camel"):
    type: str | None = None
    cluster_ip: str | None = field(default=None, name="clusterIP")
    cluster_ips: list[str] | None = field(default=None, name="clusterIPs")
    internal_traffic_policy: str | None = None
    selector: dict[str, str] | None = None
    ports: list[ServicePort] | None = None


class Service(Struct):
    metadata: Meta
    spec: ServiceSpec = field(default_factory=ServiceSpec)


class Node(Struct):
    metadata: Meta


class ZoneHint(Struct):
    name: str


class Hints(Struct, rename="camel"):
    for_zones: list[ZoneHint] | None = None


class Conditions(Struct):
    ready: bool | None = None


class TargetRef(Struct):
    kind: str = ""
    name: str = ""
    namespace: str = ""
    uid: str = ""


class SliceEndpoint(Struct, rename="camel"):
    addresses: list[str]
    conditions: Conditions | None = None
    hostname: str | None = None
    target_ref: TargetRef | None = None
    node_name: str | None = None
    zone: str | None = None
    topology: dict[str, str] | None = None
    """v1beta1 only; the zone is in it."""
    hints: Hints | None = None


class SlicePort(Struct):
    name: str | None = None
    port: int | None = None
    protocol: str | None = None


class EndpointSlice(Struct, rename="camel"):
    metadata: Meta
    address_type: str = "IPv4"
    endpoints: list[SliceEndpoint] | None = None
    ports: list[SlicePort] | None = None


class ContainerPort(Struct, rename="camel"):
    container_port: int
    host_port: int | None = None
    name: str | None = None
    protocol: str | None = None


class HttpGet(Struct):
    port: int | str
    path: str | None = None
    scheme: str | None = None


class Probe(Struct, rename="camel"):
    http_get: HttpGet | None = None


class Container(Struct, rename="camel"):
    name: str
    ports: list[ContainerPort] | None = None
    liveness_probe: Probe | None = None
    readiness_probe: Probe | None = None
    startup_probe: Probe | None = None


class PodSpec(Struct, rename="camel"):
    containers: list[Container] | None = None
    init_containers: list[Container] | None = None
    service_account_name: str | None = None
    host_network: bool | None = None
    node_name: str | None = None


class PodIP(Struct):
    ip: str


class PodStatus(Struct):
    phase: str = ""
    host_ip: str | None = field(default=None, name="hostIP")
    host_ips: list[PodIP] | None = field(default=None, name="hostIPs")
    pod_ip: str | None = field(default=None, name="podIP")
    pod_ips: list[PodIP] | None = field(default=None, name="podIPs")


class Pod(Struct):
    metadata: Meta
    spec: PodSpec = field(default_factory=PodSpec)
    status: PodStatus = field(default_factory=PodStatus)


class ConfigMap(Struct):
    metadata: Meta
    data: dict[str, str] | None = None
