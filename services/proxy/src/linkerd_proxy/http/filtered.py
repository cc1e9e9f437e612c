"""Responses that a route's filters give in the endpoint's place: redirects, injected failures, bad policy.

Those that fail a request leave a trace, as other failures do: an application that sees an injected fault finds out
that it was one. A redirect is an answer like an endpoint's and takes no failure's place among the traces; to gRPC,
which cannot follow it, it is a failure.
"""

from collections.abc import Sequence

from linkerd_contract.explain import DecisionStep, ProxyErrorLine
from linkerd_contract.matching import Condition
from linkerd_proxy.codec.headers import Headers
from linkerd_proxy.http import respond
from linkerd_proxy.http.exchange import GRPC, Exchange, Way
from linkerd_proxy.http.told import trace
from linkerd_proxy.telemetry.decisions import Decisions
from linkerd_rules.policy.filters import Answer, Failed, Filters, Redirected, Target, matched_prefix

_FAILED_PRECONDITION = 9
_NOT_FOUND = 5
_INTERNAL = 13
STAGE = "filter"


def find(filters: Filters, x: Exchange, matches: Sequence[Condition], random: float) -> Answer | None:
    """What the filters answer, if they do; `random` is uniform in [0, 1)."""
    if filters.empty:
        return None
    path = x.head.path.decode("latin-1")
    target = Target("http", x.head.authority.decode("latin-1"), path, matched_prefix(path, matches))
    return filters.answer(target, random)


def step(found: Answer) -> DecisionStep:
    """The decision."""
    if isinstance(found, Redirected):
        location = found.location.decode("latin-1").partition("?")[0]
        return DecisionStep(STAGE, "redirected", f"{found.status} to {location}")
    return DecisionStep(STAGE, "injected failure" if isinstance(found, Failed) else "invalid policy", found.message)


def is_failure(found: Answer, x: Exchange) -> bool:
    """Whether the request fails by this answer."""
    return not isinstance(found, Redirected) or x.flags & GRPC != 0


def tell(decisions: Decisions, direction: str, x: Exchange, found: Answer, way: Way) -> Headers:
    """Keep the trace of a failure; the head of the whole response, with the line that leads to the trace."""
    if not is_failure(found, x):
        return response(found, "", grpc=False, emit=False)
    last = step(found)
    identifier = decisions.record(trace(direction, x, last.verdict, way._replace(steps=[*way.steps, last])))
    line = ProxyErrorLine(last.reason, last.verdict, STAGE, way.peer, identifier).text()
    return response(found, line, grpc=x.flags & GRPC != 0, emit=x.down.emit_errors)


def response(found: Answer, line: str, *, grpc: bool, emit: bool) -> Headers:
    """Linkerd's table: a redirect is NOT_FOUND to gRPC, an HTTP failure FAILED_PRECONDITION."""
    if isinstance(found, Redirected):
        if grpc:
            return respond.answer(200, _NOT_FOUND, line, emit=emit)
        return [*respond.answer(found.status, None, "", emit=False), (b"location", found.location)]
    if isinstance(found, Failed):
        if grpc:
            code = _FAILED_PRECONDITION if found.grpc_status is None else found.grpc_status
            return respond.answer(200, code, line, emit=emit)
        return respond.answer(found.http_status or 500, None, line, emit=emit)
    return respond.answer(200 if grpc else 500, _INTERNAL if grpc else None, line, emit=emit)
