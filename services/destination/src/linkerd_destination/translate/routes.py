"""PURE: HTTPRoutes and GRPCRoutes of a Service: which are in force for a client, their rules, and where they lead.

Routes of the Service's namespace (producer) hold for all clients; those of a client's own namespace (consumer) hold for
its clients alone, and take the place of the producer's (GAMMA). GRPCRoutes hide HTTPRoutes. A rule without backends
leads to the Service itself.
"""

from collections.abc import Iterator

from linkerd_contract.matching import Condition
from linkerd_contract.outbound import Retry, Route, Timeouts, WeightedBackend
from linkerd_contract.resource import ResourceRef
from linkerd_destination.index.objects import Service
from linkerd_destination.index.state import View
from linkerd_destination.translate.backends import Backends
from linkerd_destination.translate.filters import resolve_filters
from linkerd_rules.validation.annotations import NO_TIMEOUTS, TrafficAnnotations
from linkerd_rules.validation.references import Ref
from linkerd_rules.validation.route import BoundRoute, Parent, Rule, Target

NEVER = Condition(not_=Condition())
"""Matches no request: where routes are bound, what none of them matches is 404."""


def routes_of(view: View, service: Service, port: int, client_namespace: str) -> list[BoundRoute]:
    """The routes in force for a client, in the order in which equals are tried."""
    namespace, name = service.namespace, service.name
    for bound in (view.grpc_routes("Service", namespace, name), view.http_routes("Service", namespace, name)):
        found = [route for route in bound if any(_is_parent(p, service, port) for p in route.parents)]
        if any(route.meta.namespace != namespace for route in found):
            view.namespace_dependent = True
        consumer = [r for r in found if r.meta.namespace == client_namespace != namespace]
        producer = [r for r in found if r.meta.namespace == namespace]
        if consumer or producer:
            return consumer or producer
    return []


def _is_parent(parent: Parent, service: Service, port: int) -> bool:
    ref = parent.ref
    if (ref.kind, ref.namespace, ref.name) != ("Service", service.namespace, service.name):
        return False
    if parent.section:
        return any(p.name == parent.section and p.port == port for p in service.ports)
    return parent.port in (0, port)


def bound_routes(
    bound: list[BoundRoute], service: Service, port: int, asked: TrafficAnnotations, backends: Backends
) -> list[Route]:
    """A Route for each rule, and at the end one that nothing matches: it is where bytes that are not HTTP go."""
    own = WeightedBackend(ref=backends.service(service, port))
    found: list[Route] = []
    for route in bound:
        retry, timeouts = _traffic(route, asked)
        found += [
            Route(
                name=route.meta.name,
                resource=route_ref(route),
                hosts=list(route.hosts),
                matches=list(rule.matches),
                filters=resolve_filters(backends.view, route.meta.namespace, rule.filters),
                backends=list(_targets(route, rule, port, backends)) or [own],
                retry=retry,
                timeouts=_merged(rule.timeouts, timeouts),
            )
            for rule in route.rules
        ]
    return [*found, Route(name="default", resource=ResourceRef(name="http"), matches=[NEVER], backends=[own])]


def route_ref(route: BoundRoute) -> ResourceRef:
    """A route, as metric labels name it."""
    return ResourceRef(group=route.group, kind=route.kind, namespace=route.meta.namespace, name=route.meta.name)


def _traffic(route: BoundRoute, asked: TrafficAnnotations) -> tuple[Retry | None, Timeouts]:
    """A route's annotations replace the Service's, group by group (Linkerd)."""
    own = route.traffic
    return own.retry or asked.retry, asked.timeouts if own.timeouts == NO_TIMEOUTS else own.timeouts


def _merged(rule: Timeouts, annotated: Timeouts) -> Timeouts:
    """The rule's own timeouts come before annotations."""
    if rule == NO_TIMEOUTS or annotated == NO_TIMEOUTS:
        return annotated if rule == NO_TIMEOUTS else rule
    return Timeouts(
        request_ms=rule.request_ms or annotated.request_ms,
        response_ms=rule.response_ms or annotated.response_ms,
        idle_ms=annotated.idle_ms,
    )


def _targets(route: BoundRoute, rule: Rule, port: int, backends: Backends) -> Iterator[WeightedBackend]:
    used: set[str] = set()
    for target in rule.targets:
        filters = resolve_filters(backends.view, route.meta.namespace, target.filters)
        ref = _target(route, target, port, backends)
        if ref in used:
            # Filters belong to a reference, and the same Service may be listed twice with different ones.
            ref = backends.alias(ref, f"{ref}#{len(used)}")
        used.add(ref)
        yield WeightedBackend(ref=ref, weight=target.weight, filters=filters)


def _target(route: BoundRoute, target: Target, port: int, backends: Backends) -> str:
    service = backend_service(backends.view, route, target)
    if service is None:
        group = target.ref.group or "core"
        resource = ResourceRef(
            group=group,
            kind=target.ref.kind,
            namespace=target.ref.namespace,
            name=target.ref.name,
            port=target.port,
        )
        return backends.missing(resource)
    return backends.service(service, target.port or port)


def backend_service(view: View, route: BoundRoute, target: Target) -> Service | None:
    """The Service that a backend stands for; None where it cannot be used: not there, no Service, or not granted."""
    ref = target.ref
    if (ref.group, ref.kind) != ("", "Service") or not granted(view, route, ref):
        return None
    service = view.service(ref.namespace, ref.name)
    return None if service is None or service.external_name else service


def granted(view: View, route: BoundRoute, ref: Ref) -> bool:
    """Whether a route may name an object: of its own namespace, or of one that has a ReferenceGrant for it."""
    if ref.namespace == route.meta.namespace:
        return True
    source = Ref(group=route.group, kind=route.kind, namespace=route.meta.namespace, name=route.meta.name)
    return any(grant.allows(source, ref) for grant in view.grants(ref.namespace))
