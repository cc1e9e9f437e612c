"""PURE: the outbound document of one target, as one caller sees it."""

from linkerd_contract.outbound import Backend, Endpoint, OutboundDocument, Protocol, Route, WeightedBackend
from linkerd_contract.resource import ResourceRef
from linkerd_contract.watch import WatchCode
from linkerd_destination.index.objects import Pod, Service, ServicePort
from linkerd_destination.index.state import View
from linkerd_destination.translate.endpoints import Caller, pod_endpoint, pod_opaque_ports, service_endpoints
from linkerd_destination.translate.ports import first_valid
from linkerd_destination.translate.targets import AddressTarget, NoAnswer, ServiceTarget, parse_target

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
        return _of_pod(view, parsed, pod, caller)
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
    config = view.config
    host = f"{service.name}.{service.namespace}.svc.{config.cluster_domain}"
    authority = f"{hostname}.{host}:{port}" if hostname else f"{host}:{port}"
    resource = ResourceRef(group="core", kind="Service", namespace=service.namespace, name=service.name, port=port)
    defined = next((p for p in service.ports if p.port == port), None)
    if defined is None and not service.headless:
        # No such port: what kube-proxy would reject, the proxy refuses.
        return OutboundDocument(authority=authority, parent=resource, forbidden=True)
    name = None if defined is None else defined.name
    endpoints = service_endpoints(view, service, port, name, ipv6, caller, hostname)
    ref = f"{service.namespace}/{service.name}:{port}"
    backend = Backend(
        resource=resource, labels={"service": service.name, "namespace": service.namespace}, endpoints=endpoints
    )
    return OutboundDocument(
        authority=authority,
        protocol=_service_protocol(view, service, port, defined),
        parent=resource,
        routes=[_default_route(ref, _DEFAULT_ROUTE)],
        backends={ref: backend},
    )


def _service_protocol(view: View, service: Service, port: int, defined: ServicePort | None) -> Protocol:
    namespace = view.namespace(service.namespace)
    inherited = namespace.opaque_ports if namespace else None
    opaque = first_valid(service.named_ports, service.opaque_ports, inherited, view.config.opaque_ports)
    if port in opaque:
        return Protocol.opaque
    return _APP_PROTOCOLS.get(defined.app_protocol, Protocol.detect) if defined else Protocol.detect


def _of_pod(view: View, target: AddressTarget, pod: Pod, caller: Caller) -> OutboundDocument:
    endpoint = pod_endpoint(view, pod, target.ip, target.port, "", caller)
    protocol = Protocol.opaque if target.port in pod_opaque_ports(view, pod) else Protocol.detect
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
