"""PURE: words for the parts of documents, in explanations."""

from collections.abc import Iterator

from linkerd_contract.inbound import RateLimit
from linkerd_contract.matching import Condition
from linkerd_contract.outbound import Endpoint, OutboundDocument, Protocol, Retry, Route
from linkerd_contract.resource import ResourceRef
from linkerd_rules.policy.filters import Answer, Failed, Redirected

_SHOWN = 5

_PROTOCOLS = {
    Protocol.detect: "the first bytes say what it is",
    Protocol.opaque: "bytes, not looked into: an opaque port",
    Protocol.http1: "by appProtocol",
    Protocol.http2: "by appProtocol",
}


def protocol(spoken: Protocol) -> str:
    """Where a protocol comes from."""
    return _PROTOCOLS.get(spoken, "")


def resource(ref: ResourceRef) -> str:
    """An object for people."""
    if ref.kind == "default":
        return f"the default policy {ref.name}"
    return f"{ref.kind} {ref.namespace}/{ref.name}"


def matches(conditions: list[Condition]) -> str:
    """Conditions, any of which holds."""
    return " or ".join(condition(one) for one in conditions) if conditions else "takes every request"


def condition(one: Condition) -> str:
    """One condition."""
    parts = [one.method] if one.method else []
    if one.path is not None:
        parts.append(f"path {one.path.kind.value} {one.path.value}")
    parts += [f"header {h.name} {h.match.kind.value} {h.match.value}" for h in one.headers]
    parts += [f"parameter {q.name} {q.match.kind.value} {q.match.value}" for q in one.query]
    if one.all:
        parts.append("all of (" + "; ".join(map(condition, one.all)) + ")")
    if one.any:
        parts.append("any of (" + "; ".join(map(condition, one.any)) + ")")
    if one.not_ is not None:
        parts.append(f"not ({condition(one.not_)})")
    return ", ".join(parts) or "everything"


def traffic(document: OutboundDocument, route: Route) -> Iterator[tuple[str, str]]:
    """Filters, retries, timeouts and the breaker of a route, each with its stage."""
    if route.filters:
        yield "filters", ", ".join(one.type.value for one in route.filters)
    if route.retry is not None:
        yield "retries", retry(route.retry)
    limits = route.timeouts
    named = (("request", limits.request_ms), ("response", limits.response_ms), ("idle", limits.idle_ms))
    found = [f"{name} {ms} ms" for name, ms in (*named, ("profile", limits.profile_ms)) if ms]
    if found:
        yield "timeouts", ", ".join(found)
    accrual = document.failure_accrual
    if accrual is not None:
        yield "breaker", f"an endpoint rests after {accrual.max_failures} failures in a row"


def answer(found: Answer) -> str:
    """What a filter answers in the application's place."""
    if isinstance(found, Redirected):
        return f"{found.status} to {found.location.decode('latin-1')}"
    if isinstance(found, Failed):
        return str(found.http_status or 500) if found.grpc_status is None else f"gRPC {found.grpc_status}"
    return f"500, {found.message}"


def addresses(endpoints: list[Endpoint]) -> str:
    """How many endpoints, and the first of them."""
    shown = ", ".join(one.addr for one in endpoints[:_SHOWN])
    more = f" and {len(endpoints) - _SHOWN} more" if len(endpoints) > _SHOWN else ""
    return f"{len(endpoints)} endpoint{'' if len(endpoints) == 1 else 's'}" + (f": {shown}{more}" if shown else "")


def retry(policy: Retry) -> str:
    """When and how often."""
    when = ["failures"] if policy.on_failure else []
    when += [str(s.min) if s.min == s.max else f"{s.min}-{s.max}" for s in policy.statuses]
    when += [f"gRPC {code}" for code in policy.grpc_codes]
    often = [] if policy.limit is None else [f"at most {policy.limit} times"]
    if policy.budget is not None:
        budget = policy.budget
        often.append(f"{budget.ratio * 100:g} % of requests and {budget.min_per_second}/s over {budget.ttl_ms} ms")
    if policy.per_try_timeout_ms:
        often.append(f"{policy.per_try_timeout_ms} ms a try")
    return f"on {', '.join(when)}: {', '.join(often)}"


def rate_limit(limit: RateLimit, identity: str | None) -> str:
    """The rates that a client meets."""
    found = [] if limit.total is None else [f"{limit.total}/s in total"]
    own = next((o.requests_per_second for o in limit.overrides if identity in o.identities), limit.identity)
    if own is not None:
        found.append(f"{own}/s for this client")
    return ", ".join(found)
