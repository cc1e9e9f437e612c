"""What a route asks for beyond a backend, prepared once per connection: filters, timeouts, retries, route metrics.

A plain route has none of it and no RouteFeatures: its requests go straight from the route to the backend.
"""

from collections.abc import Callable

from linkerd_contract.outbound import OutboundDocument
from linkerd_proxy.codec.headers import Headers
from linkerd_proxy.http import respond
from linkerd_proxy.http.exchange import GRPC, Exchange
from linkerd_proxy.http.runtime import Runtime
from linkerd_proxy.outbound.concrete import Concrete
from linkerd_proxy.telemetry import labels
from linkerd_proxy.telemetry.metrics import RouteSeries
from linkerd_rules.policy import CompiledRoute
from linkerd_rules.policy.budget import Budget
from linkerd_rules.policy.filters import Answer, Failed, Filters, Redirected, Target
from linkerd_rules.policy.retry import L5D_HEADERS, CompiledRetry, from_headers
from linkerd_rules.policy.timeouts import REQUEST_TIMEOUT_HEADERS, RESPONSE_TIMEOUT_HEADER, CompiledTimeouts

_OVERRIDES = L5D_HEADERS | {*REQUEST_TIMEOUT_HEADERS, RESPONSE_TIMEOUT_HEADER}
_FAILED_PRECONDITION = 9
_NOT_FOUND = 5
_INTERNAL = 13
_NO_FILTERS = Filters([])

Choice = tuple[str, Concrete]


def is_plain(route: CompiledRoute, doc: OutboundDocument) -> bool:
    """Whether a route's requests need nothing but a backend."""
    if route.retry is not None or route.backend_filters or not route.filters.empty:
        return False
    return route.timeouts.none and not route.route.allow_request_overrides and doc.profile is None


class RouteFeatures:
    """One route of one connection."""

    __slots__ = ("budget", "choose", "metrics", "route", "runtime")

    def __init__(
        self,
        runtime: Runtime,
        doc: OutboundDocument,
        route: CompiledRoute,
        choose: Callable[[], Choice | None],
        budget: Budget | None,
    ) -> None:
        """`choose` gives a backend by the route's split; `budget` is shared by all connections to the target."""
        self.runtime = runtime
        self.route = route
        self.choose = choose
        self.budget = budget
        self.metrics: RouteSeries | None = None
        if doc.profile is not None:
            pairs = [("direction", "outbound"), ("dst", doc.authority), *labels.prefixed("rt", route.route.labels)]
            self.metrics = RouteSeries(runtime.metrics, labels.render(pairs))

    def settings(self, fields: Headers) -> tuple[Headers, CompiledRetry | None, CompiledTimeouts]:
        """The request's fields, retries and timeouts, with what the request asks for where the route allows it."""
        route = self.route
        retry, timeouts = route.retry, route.timeouts
        if not route.route.allow_request_overrides or not any(name in _OVERRIDES for name, _ in fields):
            return fields, retry, timeouts
        asked = from_headers(fields, route.route.retry)
        if asked is not route.route.retry and asked is not None:
            retry = CompiledRetry(asked)
        timeouts = timeouts.overridden(fields)
        return [field for field in fields if field[0] not in _OVERRIDES], retry, timeouts

    def backend_filters(self, ref: str) -> Filters:
        """Filters of one backend of the split."""
        return self.route.backend_filters.get(ref, _NO_FILTERS)

    def answer(self, filters: Filters, x: Exchange) -> Headers | None:
        """The response that filters give instead of the endpoint, if any."""
        if filters.empty:
            return None
        head = x.head
        target = Target("http", head.authority.decode("latin-1"), head.path.decode("latin-1"), self._prefix(head.path))
        answer = filters.answer(target, self.runtime.rng())
        return None if answer is None else _response(answer, grpc=x.flags & GRPC != 0, emit=x.down.emit_errors)

    def _prefix(self, path: bytes) -> str:
        """The longest path prefix of the route that this path begins with, for redirects that replace it."""
        text = path.partition(b"?")[0].decode("latin-1")
        prefixes = [
            m.path.value.rstrip("/")
            for m in self.route.route.matches
            if m.path is not None and m.path.kind.value == "prefix"
        ]
        return max((p for p in prefixes if text == p or text.startswith(p + "/")), key=len, default="")


def _response(answer: Answer, *, grpc: bool, emit: bool) -> Headers:
    """Linkerd's table: a redirect is NOT_FOUND to gRPC, an HTTP failure FAILED_PRECONDITION."""
    if isinstance(answer, Redirected):
        if grpc:
            return respond.answer(200, _NOT_FOUND, "redirected", emit=emit)
        return [*respond.answer(answer.status, None, "", emit=False), (b"location", answer.location)]
    if isinstance(answer, Failed):
        if grpc:
            code = _FAILED_PRECONDITION if answer.grpc_status is None else answer.grpc_status
            return respond.answer(200, code, answer.message, emit=emit)
        return respond.answer(answer.http_status or 500, None, answer.message, emit=emit)
    return respond.answer(200 if grpc else 500, _INTERNAL if grpc else None, answer.message, emit=emit)
