"""PURE: endpoints: who is behind a Service's port, and how each one is to be dialled."""

from dataclasses import dataclass

from linkerd_contract import names
from linkerd_contract.outbound import Endpoint, ProtocolHint
from linkerd_destination.index.objects import Pod, Service, SliceEndpoint
from linkerd_destination.index.state import View
from linkerd_destination.translate.ports import PortSet, first_valid
from linkerd_destination.translate.servers import opaque_by_server
from linkerd_destination.translate.targets import address


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: what an answer may depend on besides the target."""

    namespace: str = ""
    zone: str = ""
    node: str = ""
    """Only where an answer depends on it: a document for each node of a large cluster would be dear."""


def pod_opaque_ports(view: View, pod: Pod) -> PortSet:
    """The pod's annotation, else its namespace's, else the installation's list."""
    namespace = view.namespace(pod.namespace)
    inherited = namespace.opaque_ports if namespace else None
    return first_valid(pod.named_ports, pod.opaque_ports, inherited, view.config.opaque_ports)


def meshed_on(view: View, pod: Pod, port: int) -> bool:
    """Whether our proxy stands in front of this port of the pod."""
    if not pod.has_proxy or pod.control_plane_namespace != view.config.control_plane_namespace:
        return False
    # The proxy's own ports are not redirected to it.
    if port in (names.PORT_TAP, pod.admin_port):
        return False
    return port not in first_valid(pod.named_ports, pod.skip_inbound_ports)


def pod_endpoint(view: View, pod: Pod, ip: str, port: int, zone: str, caller: Caller) -> Endpoint:
    """The endpoint for one port of a pod, with Linkerd's labels."""
    locality = "unknown"
    if zone and caller.zone:
        locality = "local" if zone == caller.zone else "remote"
    identity = None
    hint = ProtocolHint.none
    if meshed_on(view, pod, port):
        config = view.config
        identity = names.identity_name(
            pod.service_account, pod.namespace, config.control_plane_namespace, config.trust_domain
        )
        opaque = port in pod_opaque_ports(view, pod) or opaque_by_server(view, pod, port)
        hint = ProtocolHint.opaque if opaque else ProtocolHint.h2
    return Endpoint(
        addr=address(ip, port),
        identity=identity,
        protocol_hint=hint,
        zone=zone,
        zone_locality=locality,
        labels=_labels(pod, zone, locality),
    )


def _labels(pod: Pod, zone: str, locality: str) -> dict[str, str]:
    labels = {"pod": pod.name, "serviceaccount": pod.service_account}
    if pod.owner is not None:
        labels[pod.owner[0]] = pod.owner[1]
    if pod.control_plane_namespace:
        labels["control_plane_ns"] = pod.control_plane_namespace
    if pod.template_hash:
        labels["pod_template_hash"] = pod.template_hash
    if zone:
        labels["zone"] = zone
    labels["zone_locality"] = locality
    return labels


def service_endpoints(
    view: View,
    service: Service,
    port: int,
    port_name: str | None,
    ipv6: bool | None,
    caller: Caller,
    hostname: str = "",
) -> list[Endpoint]:
    """Endpoints sorted by address. `port_name` None: the port is not the Service's and is taken literally (headless).

    `ipv6` says which family; None: IPv4 where there is any.
    """
    slices = view.slices(service.namespace, service.name)
    if ipv6 is None:
        ipv6 = bool(slices) and all(s.ipv6 for s in slices)
    candidates = [
        (one, number)
        for piece in slices
        if piece.ipv6 == ipv6
        for number in ([port] if port_name is None else [number for name, number in piece.ports if name == port_name])
        for one in piece.endpoints
        if not hostname or one.hostname == hostname
    ]
    if service.local_only:
        view.node_dependent = True
        if caller.node:
            candidates = [c for c in candidates if _node(view, c[0]) == caller.node]
    found: dict[str, Endpoint] = {}
    for one, number in _hinted(candidates, caller.zone):
        for endpoint in _of_slice(view, one, number, caller):
            found.setdefault(endpoint.addr, endpoint)
    return [found[addr] for addr in sorted(found)]


def _node(view: View, one: SliceEndpoint) -> str:
    if one.node or one.pod is None:
        return one.node
    pod = view.pod(one.pod.namespace, one.pod.name)
    return pod.node if pod is not None else ""


def _hinted(candidates: list[tuple[SliceEndpoint, int]], zone: str) -> list[tuple[SliceEndpoint, int]]:
    """Topology hints count only when every candidate has them and one is for the caller's zone (as kube-proxy)."""
    if not zone or not all(one.for_zones for one, _ in candidates):
        return candidates
    return [c for c in candidates if zone in c[0].for_zones] or candidates


def _of_slice(view: View, one: SliceEndpoint, port: int, caller: Caller) -> list[Endpoint]:
    if one.pod is None:
        return [Endpoint(addr=address(ip, port)) for ip in one.addresses]
    pod = view.pod(one.pod.namespace, one.pod.name)
    # Slices and pods are watched apart. Until the pod is known it cannot be told whether it is meshed, and a pod of
    # the same name but another uid is another pod: left out until both agree, rather than dialled in plain text.
    if pod is None or (one.pod.uid and pod.uid and one.pod.uid != pod.uid):
        return []
    zone = one.zone or view.zone(pod.node)
    return [pod_endpoint(view, pod, ip, port, zone, caller) for ip in one.addresses]
