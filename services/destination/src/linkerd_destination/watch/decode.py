"""From the API server's JSON to the index's objects. A ValueError means that the object cannot be used."""

import ipaddress
from collections.abc import Hashable
from functools import lru_cache
from sys import intern
from typing import TypeVar, cast

import msgspec

from linkerd_contract import names
from linkerd_destination.index import objects
from linkerd_destination.watch import wire
from linkerd_rules.validation.annotations import PREFIXES

_namespaces = msgspec.json.Decoder(wire.Namespace)
_services = msgspec.json.Decoder(wire.Service)
_slices = msgspec.json.Decoder(wire.EndpointSlice)
_pods = msgspec.json.Decoder(wire.Pod)
_nodes = msgspec.json.Decoder(wire.Node)

_SERVICE_NAME_LABEL = "kubernetes.io/service-name"
_ZONE_TOPOLOGY = "topology.kubernetes.io/zone"
_HOSTNAME_TOPOLOGY = "kubernetes.io/hostname"
_HASH_LABEL = "pod-template-hash"
_REQUIRE_IDENTITY = "config.linkerd.io/proxy-require-identity-inbound-ports"
_ADMIN_PORT_NAME = "linkerd-admin"
# Linkerd's label for each kind of owner (a Job's is k8s_job: "job" is Prometheus' own).
_OWNER_LABELS = {
    "ReplicaSet": "replicaset",
    "StatefulSet": "statefulset",
    "DaemonSet": "daemonset",
    "ReplicationController": "replicationcontroller",
    "Job": "k8s_job",
    "CronJob": "cronjob",
}


def namespace(raw: bytes) -> objects.Namespace:
    """A Namespace."""
    meta = _namespaces.decode(raw).metadata
    return objects.Namespace(
        name=meta.name,
        uid=meta.uid,
        opaque_ports=meta.annotation(names.ANNOTATION_OPAQUE_PORTS),
        default_inbound_policy=meta.annotation(names.ANNOTATION_DEFAULT_INBOUND_POLICY),
    )


def node(raw: bytes) -> objects.Node:
    """A Node."""
    meta = _nodes.decode(raw).metadata
    return objects.Node(name=meta.name, zone=meta.label(_ZONE_TOPOLOGY))


def service(raw: bytes) -> objects.Service:
    """A Service; only its TCP ports."""
    read = _services.decode(raw)
    spec = read.spec
    ips = spec.cluster_ips or ([spec.cluster_ip] if spec.cluster_ip else [])
    ports = tuple(
        objects.ServicePort(
            port=p.port, name=p.name or "", app_protocol=p.app_protocol or "", target=p.target_port or p.port
        )
        for p in spec.ports or ()
        if p.protocol in (None, "TCP")
    )
    return objects.Service(
        namespace=read.metadata.namespace,
        name=read.metadata.name,
        uid=read.metadata.uid,
        ips=tuple(_ip(ip) for ip in ips if ip and ip != "None"),
        ports=ports,
        selector=tuple(sorted((spec.selector or {}).items())),
        external_name=spec.type == "ExternalName",
        local_only=spec.internal_traffic_policy == "Local",
        opaque_ports=read.metadata.annotation(names.ANNOTATION_OPAQUE_PORTS),
        traffic=tuple(sorted(i for i in (read.metadata.annotations or {}).items() if i[0].startswith(PREFIXES))),
    )


def endpoint_slice(raw: bytes) -> objects.Slice:
    """An EndpointSlice, v1 or v1beta1; only what is ready."""
    read = _slices.decode(raw)
    # FQDN slices hold names, which no proxy can dial.
    usable = read.address_type in ("IPv4", "IPv6")
    return objects.Slice(
        namespace=read.metadata.namespace,
        name=read.metadata.name,
        service=read.metadata.label(_SERVICE_NAME_LABEL),
        ipv6=read.address_type == "IPv6",
        ports=tuple((p.name or "", p.port) for p in read.ports or () if p.port and p.protocol in (None, "TCP")),
        endpoints=tuple(_endpoint(e, read.metadata.namespace) for e in read.endpoints or () if usable and _ready(e)),
    )


def _ready(endpoint: wire.SliceEndpoint) -> bool:
    # An unknown condition counts as ready (Kubernetes' rule for consumers). What is terminating is not ready, but where
    # the Service asks for it by publishNotReadyAddresses: then Kubernetes says ready.
    return endpoint.conditions is None or endpoint.conditions.ready is not False


def _endpoint(endpoint: wire.SliceEndpoint, namespace: str) -> objects.SliceEndpoint:
    target = endpoint.target_ref
    reference = None
    if target is not None and target.kind == "Pod":
        space = intern(target.namespace or namespace)
        reference = objects.PodReference(namespace=space, name=target.name, uid=target.uid)
    hints = endpoint.hints.for_zones if endpoint.hints else None
    return objects.SliceEndpoint(
        addresses=tuple(_ip(ip) for ip in endpoint.addresses),
        hostname=endpoint.hostname or "",
        node=intern(endpoint.node_name or (endpoint.topology or {}).get(_HOSTNAME_TOPOLOGY, "")),
        pod=reference,
        zone=intern(endpoint.zone or (endpoint.topology or {}).get(_ZONE_TOPOLOGY, "")),
        for_zones=tuple(hint.name for hint in hints or ()),
    )


def pod(raw: bytes) -> objects.Pod:
    """A Pod."""
    read = _pods.decode(raw)
    meta, spec, status = read.metadata, read.spec, read.status
    containers = [*(spec.init_containers or ()), *(spec.containers or ())]
    apps = [c for c in containers if c.name != names.PROXY_CONTAINER]
    proxy = next((c for c in containers if c.name == names.PROXY_CONTAINER), None)
    ips = [p.ip for p in status.pod_ips or ()] or ([status.pod_ip] if status.pod_ip else [])
    host_ports = tuple(
        (p.host_port, p.container_port)
        for c in apps
        for p in c.ports or ()
        if p.host_port and p.protocol in (None, "TCP")
    )
    host_ips = [p.ip for p in status.host_ips or ()] or ([status.host_ip] if status.host_ip else [])
    # Names that thousands of pods have in common are kept once.
    return objects.Pod(
        namespace=intern(meta.namespace),
        name=meta.name,
        uid=meta.uid,
        ips=tuple(_ip(ip) for ip in ips),
        labels=_alike(tuple(sorted((meta.labels or {}).items()))),
        node=intern(spec.node_name or ""),
        host_ips=tuple(_ip(ip) for ip in host_ips) if host_ports else (),
        host_ports=host_ports,
        ended=status.phase in ("Succeeded", "Failed"),
        deleting=meta.deletion_timestamp is not None,
        host_network=bool(spec.host_network),
        service_account=intern(spec.service_account_name or "default"),
        owner=_alike(_owner(meta)),
        template_hash=intern(meta.label(_HASH_LABEL)),
        control_plane_namespace=intern(meta.label(names.LABEL_CONTROL_PLANE_NS)),
        has_proxy=proxy is not None,
        admin_port=_admin_port(proxy),
        ports=_alike(
            tuple((p.name or "", p.container_port) for c in apps for p in c.ports or () if p.protocol in (None, "TCP"))
        ),
        probes=_alike(_probes(apps)),
        opaque_ports=meta.annotation(names.ANNOTATION_OPAQUE_PORTS),
        skip_inbound_ports=meta.annotation(names.ANNOTATION_SKIP_INBOUND_PORTS),
        default_inbound_policy=meta.annotation(names.ANNOTATION_DEFAULT_INBOUND_POLICY),
        require_identity_ports=meta.annotation(_REQUIRE_IDENTITY),
    )


H = TypeVar("H", bound=Hashable)


def _alike(value: H) -> H:
    """One value for all pods that are alike in this: a cluster has far fewer templates than pods."""
    return cast("H", _kept(value))


@lru_cache(maxsize=16384)
def _kept(value: Hashable) -> Hashable:
    return value


def _owner(meta: wire.Meta) -> tuple[str, str] | None:
    """Linkerd's labels first: the injector looked the owner up. Else the owner, a ReplicaSet's hash cut off."""
    deployment = meta.label(names.LABEL_PROXY_PREFIX + "deployment")
    if deployment:
        return ("deployment", deployment)
    owners = meta.owner_references or []
    owner = next((o for o in owners if o.controller), owners[0] if len(owners) == 1 else None)
    if owner is None or owner.kind not in _OWNER_LABELS:
        return None
    template_hash = meta.label(_HASH_LABEL)
    if owner.kind == "ReplicaSet" and template_hash and owner.name.endswith(f"-{template_hash}"):
        return ("deployment", owner.name.removesuffix(f"-{template_hash}"))
    return (_OWNER_LABELS[owner.kind], owner.name)


def _admin_port(proxy: wire.Container | None) -> int:
    ports = proxy.ports if proxy is not None else None
    return next((p.container_port for p in ports or () if p.name == _ADMIN_PORT_NAME), names.PORT_ADMIN)


def _probes(apps: list[wire.Container]) -> tuple[objects.Probe, ...]:
    found = []
    for container in apps:
        named = {p.name: p.container_port for p in container.ports or () if p.name}
        for probe in (container.startup_probe, container.liveness_probe, container.readiness_probe):
            http = probe.http_get if probe is not None else None
            if http is None or (http.scheme or "HTTP") != "HTTP":
                continue
            port = http.port if isinstance(http.port, int) else named.get(http.port)
            if port is not None:
                path = "/" + (http.path or "").partition("?")[0].lstrip("/")
                found.append(objects.Probe(port=port, path=path))
    return tuple(dict.fromkeys(found))


def _ip(text: str) -> str:
    """In canonical form, as targets are looked up. Raises ValueError."""
    return str(ipaddress.ip_address(text))
