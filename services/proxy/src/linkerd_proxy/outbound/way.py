"""The decisions on an outbound request, as steps of its trace."""

from linkerd_contract.explain import DecisionStep
from linkerd_contract.outbound import Backend, OutboundDocument, Route
from linkerd_proxy.http.exchange import Exchange


def target_step(doc: OutboundDocument) -> DecisionStep:
    """What discovery knows of the destination."""
    reason = f"ServiceProfile {doc.profile}" if doc.profile is not None else ""
    return DecisionStep("discover", doc.authority, reason, doc.parent)


def route_step(route: Route) -> DecisionStep:
    """The route that takes the request."""
    return DecisionStep("route", route.name or route.resource.name, "", route.resource)


def no_route_step(doc: OutboundDocument) -> DecisionStep:
    """None does."""
    return DecisionStep("route", "none", f"none of {len(doc.routes)} routes takes it")


def backend_step(backend: Backend, ready: int | None = None) -> DecisionStep:
    """The route's choice; `ready`: how many of its endpoints can be connected to, where that matters."""
    count = len(backend.endpoints)
    state = "" if ready is None else f", {ready} can be connected to"
    reason = f"{count} endpoint{'' if count == 1 else 's'}{state}"
    return DecisionStep("backend", backend.resource.name or backend.status.value, reason, backend.resource)


def attempt_step(number: int, attempt: Exchange, error: str) -> DecisionStep:
    """What became of one try: its status, or the code of its error, and where it went."""
    grpc = f", grpc-status {attempt.grpc_status.decode('latin-1')}" if attempt.grpc_status is not None else ""
    status = attempt.status.decode("latin-1")
    peer = attempt.observer.explain(attempt).peer
    return DecisionStep(f"attempt {number}", error or status + grpc, f"at {peer}" if peer else "")
