"""What a route asks for beyond a backend, prepared once per connection: filters, timeouts, retries, route metrics.

A plain route has none of it and no RouteFeatures: its requests go straight from the route to the backend.
"""

from collections.abc import Callable

from linkerd_contract.outbound import OutboundDocument
from linkerd_proxy.codec.headers import Headers
from linkerd_proxy.http import filtered
from linkerd_proxy.http.exchange import Exchange
from linkerd_proxy.http.runtime import Runtime
from linkerd_proxy.outbound.concrete import Concrete
from linkerd_proxy.telemetry import labels
from linkerd_proxy.telemetry.metrics import RouteSeries
from linkerd_rules.policy import CompiledRoute
from linkerd_rules.policy.budget import Budget
from linkerd_rules.policy.filters import Filters
from linkerd_rules.policy.retry import L5D_HEADERS, CompiledRetry, from_headers
from linkerd_rules.policy.timeouts import REQUEST_TIMEOUT_HEADERS, RESPONSE_TIMEOUT_HEADER, CompiledTimeouts

_OVERRIDES = L5D_HEADERS | {*REQUEST_TIMEOUT_HEADERS, RESPONSE_TIMEOUT_HEADER}
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
        return filtered.answer(filters, x, self.route.route.matches, self.runtime.rng())
