"""PURE: the conditions of routes, for each parent that is ours, and of rate limits.

Reasons are Gateway API's and Linkerd's. An object that cannot be used is not accepted, and the condition says why.
"""

from msgspec import Struct

from linkerd_destination.index.state import View
from linkerd_destination.translate.routes import backend_service, granted
from linkerd_rules.validation.filters import FilterRef
from linkerd_rules.validation.rate_limit import RateLimitPolicy, server_parent
from linkerd_rules.validation.route import BoundRoute, Parent


class Condition(Struct, frozen=True, kw_only=True):
    """One condition of one parent."""

    parent: Parent
    type: str
    holds: bool
    reason: str
    message: str = ""

    @property
    def status(self) -> str:
        return "True" if self.holds else "False"


def conditions_of(view: View, route: BoundRoute) -> list[Condition]:
    """Accepted and ResolvedRefs, for each parent in the order of the route."""
    if route.unusable:
        return [_unusable(parent, route.unusable) for parent in route.parents]
    reason, message = _references(view, route)
    found: list[Condition] = []
    for parent in route.parents:
        refused, why = _refused(view, route, parent)
        found.append(
            Condition(parent=parent, type="Accepted", holds=not refused, reason=refused or "Accepted", message=why)
        )
        found.append(
            Condition(
                parent=parent, type="ResolvedRefs", holds=not reason, reason=reason or "ResolvedRefs", message=message
            )
        )
    return found


def limit_conditions(view: View, policy: RateLimitPolicy) -> list[Condition]:
    """Accepted, of a rate limit: it has a Server, and is the oldest one of it."""
    namespace, name = policy.meta.namespace, policy.server
    parent = server_parent(namespace, name)
    if policy.unusable:
        return [_unusable(parent, policy.unusable)] if name else []
    if not _has_server(view, namespace, name):
        reason, message = "NoMatchingTarget", f"there is no Server {name} in namespace {namespace}"
    else:
        first = view.rate_limit(namespace, name)
        older = first is not None and first.key != policy.key
        reason = "RateLimitReasonAlreadyExists" if older else ""
        message = f"{first.meta.name} is older, and limits Server {name} already" if first is not None and older else ""
    return [Condition(parent=parent, type="Accepted", holds=not reason, reason=reason or "Accepted", message=message)]


def _unusable(parent: Parent, why: str) -> Condition:
    return Condition(parent=parent, type="Accepted", holds=False, reason="UnsupportedValue", message=why)


def _has_server(view: View, namespace: str, name: str) -> bool:
    return any(server.meta.name == name for server in view.servers(namespace))


def _refused(view: View, route: BoundRoute, parent: Parent) -> tuple[str, str]:
    """Reason and message; "" where the parent takes the route."""
    ref = parent.ref
    if ref.kind == "Server":
        if _has_server(view, ref.namespace, ref.name):
            return "", ""
        return "NoMatchingParent", f"there is no Server {ref.name} in namespace {ref.namespace}"
    service = view.service(ref.namespace, ref.name)
    if service is None or service.external_name:
        return "NoMatchingParent", f"there is no Service {ref.name} in namespace {ref.namespace}"
    if parent.port and all(port.port != parent.port for port in service.ports):
        return "NoMatchingParent", f"Service {ref.name} has no port {parent.port}"
    if parent.section and all(port.name != parent.section for port in service.ports):
        return "NoMatchingParent", f"Service {ref.name} has no port named {parent.section}"
    if route.kind == "HTTPRoute" and view.grpc_routes("Service", ref.namespace, ref.name):
        return "RouteReasonConflicted", f"GRPCRoutes of Service {ref.name} come before HTTPRoutes"
    return "", ""


def _references(view: View, route: BoundRoute) -> tuple[str, str]:
    """Reason and message of the first reference that does not lead anywhere; "" where all do."""
    for rule in route.rules:
        for target in rule.targets:
            ref = target.ref
            if (ref.group, ref.kind) != ("", "Service"):
                return "InvalidKind", f"a backend is a {ref.kind}, which is not supported; name a Service"
            if not granted(view, route, ref):
                return "RefNotPermitted", f"no ReferenceGrant of namespace {ref.namespace} lets it name {ref.name}"
            if backend_service(view, route, target) is None:
                return "BackendNotFound", f"there is no Service {ref.name} in namespace {ref.namespace}"
        filters = [*rule.filters, *(one for target in rule.targets for one in target.filters)]
        for one in filters:
            if isinstance(one, FilterRef) and view.fault(route.meta.namespace, one.name) is None:
                return "FilterNotFound", f"there is no FaultInjection {one.name} in namespace {route.meta.namespace}"
    return "", ""
