"""What a route asks for beyond a backend, prepared once per connection: filters, timeouts, retries, route metrics.

A plain route has none of it and no RouteFeatures: its requests go straight from the route to the backend.
"""

from collections.abc import Callable, Sequence

from linkerd_contract.explain import DecisionStep
from linkerd_contract.names import L5D_DST_CANONICAL
from linkerd_contract.outbound import OutboundDocument
from linkerd_proxy.codec.headers import Header, without
from linkerd_proxy.errors import ProxyError
from linkerd_proxy.http import filtered
from linkerd_proxy.http.exchange import GRPC, Exchange
from linkerd_proxy.http.request import RequestHead
from linkerd_proxy.http.runtime import Runtime
from linkerd_proxy.outbound.books import hostname_of, route_cell
from linkerd_proxy.outbound.concrete import Concrete
from linkerd_proxy.outbound.way import route_step, target_step
from linkerd_proxy.telemetry import labels
from linkerd_proxy.telemetry.book import Cell
from linkerd_proxy.telemetry.metrics import RouteSeries
from linkerd_proxy.telemetry.routes import RetrySeries, route_labels
from linkerd_rules.policy import CompiledRoute
from linkerd_rules.policy.budget import Budget
from linkerd_rules.policy.filters import Answer, Filters
from linkerd_rules.policy.retry import L5D_HEADERS, CompiledRetry, from_headers
from linkerd_rules.policy.timeouts import REQUEST_TIMEOUT_HEADERS, RESPONSE_TIMEOUT_HEADER, CompiledTimeouts

_OVERRIDES = L5D_HEADERS | {*REQUEST_TIMEOUT_HEADERS, RESPONSE_TIMEOUT_HEADER}
_CANONICAL = frozenset((L5D_DST_CANONICAL,))
_NO_FILTERS = Filters([])

Choice = tuple[str, Concrete]


class RouteFeatures:
    """One route of one connection."""

    __slots__ = ("_canonical", "_doc", "_retries", "budget", "choose", "metrics", "route", "runtime")

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
        self._doc = doc
        self._retries: dict[bool, RetrySeries] = {}
        self.route = route
        self.choose = choose
        self.budget = budget
        self.metrics: RouteSeries | None = None
        self._canonical: Header | None = None
        if doc.profile is not None:
            self._canonical = (L5D_DST_CANONICAL, doc.authority.encode())
            pairs = [("direction", "outbound"), ("dst", doc.authority), *labels.prefixed("rt", route.route.labels)]
            self.metrics = RouteSeries(runtime.metrics, labels.render(pairs))

    def steps(self) -> list[DecisionStep]:
        """The decisions that led here."""
        return [target_step(self._doc), route_step(self.route.route)]

    def settings(self, head: RequestHead) -> tuple[RequestHead, CompiledRetry | None, CompiledTimeouts]:
        """The request's head, retries and timeouts, with what the request asks for where the route allows it."""
        route, fields = self.route, head.fields
        retry, timeouts = route.retry, route.timeouts
        if not route.route.allow_request_overrides or not any(name in _OVERRIDES for name, _ in fields):
            return self._named(head), retry, timeouts
        asked = from_headers(fields, route.route.retry)
        if asked is not route.route.retry and asked is not None:
            retry = CompiledRetry(asked)
        timeouts = timeouts.overridden(fields)
        fields = [field for field in fields if field[0] not in _OVERRIDES]
        return self._named(RequestHead(fields, head.version, head.flags)), retry, timeouts

    def _named(self, head: RequestHead) -> RequestHead:
        """With the logical name, which routes of a ServiceProfile tell the peer (l5d-dst-canonical)."""
        if self._canonical is None:
            return head
        known = head.rewritten
        if known is None or known[0] is not self:
            fields = [*without(head.fields, _CANONICAL), self._canonical]
            known = head.rewritten = (self, RequestHead(fields, head.version, head.flags))
        return known[1]

    def backend_filters(self, ref: str) -> Filters:
        """Filters of one backend of the split."""
        return self.route.backend_filters.get(ref, _NO_FILTERS)

    def retries(self, x: Exchange) -> RetrySeries:
        """The retry counters of requests like this one."""
        grpc = x.flags & GRPC != 0
        found = self._retries.get(grpc)
        if found is None:
            families = self.runtime.metrics.grpc_retries if grpc else self.runtime.metrics.http_retries
            found = self._retries[grpc] = families.series(route_labels(self._doc.parent, self.route.route.resource))
        return found

    def cell(self, x: Exchange) -> Cell:
        """Where requests of this route are counted, whatever becomes of their attempts."""
        name = hostname_of(self.runtime, x)
        return route_cell(self.runtime.metrics, self._doc, self.route, name, grpc=x.flags & GRPC != 0)

    def classify(self, x: Exchange) -> tuple[int, int | None, bool]:
        """Status (0: no head), gRPC status and success of a response."""
        text = x.grpc_status
        grpc_status = int(text) if text is not None and text.isdigit() else None
        status = int(x.status) if x.status else 0
        return status, grpc_status, self.route.classify(status, grpc_status, x.flags & GRPC != 0)

    def count_attempt(self, attempt: Exchange, error: str) -> None:
        """One try has ended; `error` is its label, empty without one."""
        if self.metrics is not None:
            status, grpc_status, success = self.classify(attempt)
            self.metrics.actual_end(status, success and not error, grpc_status, error)

    def count_request(self, x: Exchange, last: Exchange, error: ProxyError | None) -> None:
        """The request has ended, with this attempt."""
        status, grpc_status, success = self.classify(last)
        success = success and error is None
        status = status if error is None or status else error.status
        latency = (self.runtime.turn.now - x.started) * 1000
        x.cell.responses(status, success, grpc_status, error).observe(latency)
        if self.metrics is not None:
            label = "" if error is None else error.label
            self.metrics.effective.end(status, success, latency, grpc_status, label)

    def answer(self, filters: Sequence[Filters], x: Exchange) -> Answer | None:
        """What the first of them answers instead of the endpoint, if one does."""
        for one in filters:
            found = filtered.find(one, x, self.route.route.matches, self.runtime.rng())
            if found is not None:
                return found
        return None
