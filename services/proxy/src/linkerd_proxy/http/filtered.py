"""Responses that a route's filters give in the endpoint's place: redirects, injected failures, bad policy."""

from collections.abc import Sequence

from linkerd_contract.matching import Condition
from linkerd_proxy.codec.headers import Headers
from linkerd_proxy.http import respond
from linkerd_proxy.http.exchange import GRPC, Exchange
from linkerd_rules.policy.filters import Answer, Failed, Filters, Redirected, Target, matched_prefix

_FAILED_PRECONDITION = 9
_NOT_FOUND = 5
_INTERNAL = 13


def answer(filters: Filters, x: Exchange, matches: Sequence[Condition], random: float) -> Headers | None:
    """The head of the whole response, if there is one to give; `random` is uniform in [0, 1)."""
    if filters.empty:
        return None
    path = x.head.path.decode("latin-1")
    target = Target("http", x.head.authority.decode("latin-1"), path, matched_prefix(path, matches))
    found = filters.answer(target, random)
    return None if found is None else _response(found, grpc=x.flags & GRPC != 0, emit=x.down.emit_errors)


def _response(found: Answer, *, grpc: bool, emit: bool) -> Headers:
    """Linkerd's table: a redirect is NOT_FOUND to gRPC, an HTTP failure FAILED_PRECONDITION."""
    if isinstance(found, Redirected):
        if grpc:
            return respond.answer(200, _NOT_FOUND, "redirected", emit=emit)
        return [*respond.answer(found.status, None, "", emit=False), (b"location", found.location)]
    if isinstance(found, Failed):
        if grpc:
            code = _FAILED_PRECONDITION if found.grpc_status is None else found.grpc_status
            return respond.answer(200, code, found.message, emit=emit)
        return respond.answer(found.http_status or 500, None, found.message, emit=emit)
    return respond.answer(200 if grpc else 500, _INTERNAL if grpc else None, found.message, emit=emit)
