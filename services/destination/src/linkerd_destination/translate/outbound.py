"""PURE: the outbound document of one target, as one caller sees it."""

from functools import lru_cache

from linkerd_contract.outbound import (
    Backend,
    Balancer,
    Endpoint,
    OutboundDocument,
    Protocol,
    Route,
    RouteOrder,
    WeightedBackend,
)
from linkerd_contract.resource import ResourceRef
from linkerd_contract.watch import WatchCode
from linkerd_destination.index.objects import Pod, Service, ServicePort
from linkerd_destination.index.state import View
from linkerd_destination.translate.backends import Backends, service_ref
from linkerd_destination.translate.endpoints import Caller, pod_endpoint, pod_opaque_ports
from linkerd_destination.translate.ports import first_valid, port_set
from linkerd_destination.translate.profiles import profile_of, profile_routes, service_name, split_shares
from linkerd_destination.translate.routes import bound_routes, routes_of
from linkerd_destination.translate.servers import opaque_by_server
from linkerd_destination.translate.targets import AddressTarget, NoAnswer, ServiceTarget, parse_target
from linkerd_rules.validation.annotations import TrafficAnnotations, read_traffic_annotations
from linkerd_rules.validation.profile import Profile

_APP_PROTOCOLS = {
    "http": Protocol.http1,
    "kubernetes.io/h2c": Protocol.http2,
    "linkerd.io/tcp": Protocol.opaque,
    "linkerd.io/opaque": Protocol.opaque,
}
# Linkerd's names of what nobody configured, as metrics and explanations show them.
_DEFAULT_ROUTE = ResourceRef(name="http")
_DEFAULT_FORWARD = ResourceRef(name="forward")
_FORWARD = "forward"
# Its defaults are left out when it is encoded, these very objects alone.
_PLAIN = OutboundDocument(authority="")


def render_outbound(view: View, target: str, caller: Caller) -> OutboundDocument:
    """Raises NoAnswer. Depends on nothing but the view's facts and the caller."""
    parsed = parse_target(target, view.config.cluster_domain)
    if isinstance(parsed, ServiceTarget):
        return _by_name(view, parsed, caller)
    service = view.service_at(parsed.ip)
    if service is not None:
        return _of_service(view, service, parsed.port, ":" in parsed.ip, caller, "")
    pod = view.pod_at(parsed.ip)
    if pod is not None:
        return _of_pod(view, parsed, pod, pod_endpoint(view, pod, parsed.ip, parsed.port, "", caller))
    hosted = view.pod_at_host_port(parsed.ip, parsed.port)
    if hosted is not None and hosted[0].ips:
        pod, port = hosted
        ip = next((ip for ip in pod.ips if (":" in ip) == (":" in parsed.ip)), pod.ips[0])
        return _of_pod(view, parsed, pod, pod_endpoint(view, pod, ip, port, "", caller), port)
    return _forward(parsed, Endpoint(addr=str(parsed)), Protocol.detect, {})


def _by_name(view: View, target: ServiceTarget, caller: Caller) -> OutboundDocument:
    service = view.service(target.namespace, target.name)
    if service is None:
        raise NoAnswer(
            WatchCode.not_found, f"there is no Service {target.name} in namespace {target.namespace}", retryable=True
        )
    if service.external_name:
        # The object may be replaced by an ordinary Service, so the answer may change.
        raise NoAnswer(WatchCode.invalid_target, f"Service {target.name} is of type ExternalName", retryable=True)
    ipv6 = None if service.headless else ":" in service.ips[0]
    return _of_service(view, service, target.port, ipv6, caller, target.hostname)


def _of_service(
    view: View, service: Service, port: int, ipv6: bool | None, caller: Caller, hostname: str
) -> OutboundDocument:
    host = service_name(view, service)
    authority = f"{hostname}.{host}:{port}" if hostname else f"{host}:{port}"
    resource = service_ref(service.namespace, service.name, port)
    defined = next((p for p in service.ports if p.port == port), None)
    if defined is None and not service.headless:
        # No such port: what kube-proxy would reject, the proxy refuses.
        return OutboundDocument(authority=authority, parent=resource, forbidden=True)
    backends = Backends(view, caller, ipv6)
    own = [WeightedBackend(ref=backends.service(service, port, hostname))]
    profile = profile_of(view, service, caller.namespace)
    # One pod was asked for by name: it is not to be split away from.
    targets = [] if hostname else split_shares(view, service, port, profile, backends)
    asked = traffic(service)
    profiled = profile is not None and bool(profile.routes or profile.dst_overrides)
    protocol = _service_protocol(view, service, port, defined, profile)
    if profile is not None and profiled:
        routes = profile_routes(profile, targets or own)
    else:
        # A split takes the place of policy's routes too (it was a profile's before it had a kind of its own).
        http = protocol is not Protocol.opaque and not targets and not hostname
        bound = routes_of(view, service, port, caller.namespace) if http else []
        plain = [_service_route(targets or own, asked)]
        routes = bound_routes(bound, service, port, asked, backends) if bound else plain
    return OutboundDocument(
        authority=authority,
        protocol=protocol,
        parent=resource,
        profile=profile.meta.name if profile is not None and profiled else None,
        route_order=RouteOrder.first if profiled else RouteOrder.specific,
        routes=routes,
        retry_budget=(profile.retry_budget if profile is not None else None) or _PLAIN.retry_budget,
        failure_accrual=asked.failure_accrual,
        balancer=Balancer(penalize_failures=True) if asked.penalize_failures else _PLAIN.balancer,
        backends=_used(backends, routes),
    )


def _used(backends: Backends, routes: list[Route]) -> dict[str, Backend]:
    """Only what routes lead to: a split may take everything from its apex."""
    refs = {backend.ref for route in routes for backend in route.backends}
    return {ref: backend for ref, backend in backends.found.items() if ref in refs}


def _service_route(targets: list[WeightedBackend], asked: TrafficAnnotations) -> Route:
    return Route(name="default", resource=_DEFAULT_ROUTE, backends=targets, retry=asked.retry, timeouts=asked.timeouts)


@lru_cache(maxsize=4096)
def _traffic(annotations: tuple[tuple[str, str], ...]) -> TrafficAnnotations:
    return read_traffic_annotations(dict(annotations))[0]


def traffic(service: Service) -> TrafficAnnotations:
    """What the Service's annotations ask for."""
    return _traffic(service.traffic)


def _service_protocol(
    view: View, service: Service, port: int, defined: ServicePort | None, profile: Profile | None
) -> Protocol:
    namespace = view.namespace(service.namespace)
    inherited = namespace.opaque_ports if namespace else None
    opaque = first_valid(service.named_ports, service.opaque_ports, inherited, view.config.opaque_ports)
    if port in opaque or (profile is not None and profile.opaque_ports and port in port_set(profile.opaque_ports)):
        return Protocol.opaque
    return _APP_PROTOCOLS.get(defined.app_protocol, Protocol.detect) if defined else Protocol.detect


def _of_pod(view: View, target: AddressTarget, pod: Pod, endpoint: Endpoint, port: int = 0) -> OutboundDocument:
    """A pod by its address, or by a port of its node (then `port` is the pod's own)."""
    own = port or target.port
    opaque = own in pod_opaque_ports(view, pod) or opaque_by_server(view, pod, own)
    protocol = Protocol.opaque if opaque else Protocol.detect
    return _forward(target, endpoint, protocol, {"namespace": pod.namespace})


def _forward(target: AddressTarget, endpoint: Endpoint, protocol: Protocol, labels: dict[str, str]) -> OutboundDocument:
    backend = Backend(resource=_DEFAULT_FORWARD, labels=labels, endpoints=[endpoint])
    return OutboundDocument(
        authority=str(target),
        protocol=protocol,
        parent=_DEFAULT_FORWARD,
        routes=[_default_route(_FORWARD, _DEFAULT_FORWARD)],
        backends={_FORWARD: backend},
    )


def _default_route(ref: str, resource: ResourceRef) -> Route:
    return Route(name="default", resource=resource, backends=[WeightedBackend(ref=ref)])
