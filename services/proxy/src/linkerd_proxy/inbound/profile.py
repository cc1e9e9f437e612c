"""Routes of ServiceProfiles at the server's side: route_* metrics, and response classes that say what a failure is.

Linkerd's inbound proxy looks the profile up by what the client's proxy says the request was sent to
(l5d-dst-canonical), else by the request's authority. It counts what policy let in; retries and timeouts are the
client's.
"""

from typing import NamedTuple

from linkerd_contract.names import L5D_DST_CANONICAL
from linkerd_proxy.codec.headers import Headers, find
from linkerd_proxy.errors import ProxyError
from linkerd_proxy.http.exchange import GRPC, Exchange, Observer, Way
from linkerd_proxy.http.request import RequestHead
from linkerd_proxy.http.runtime import Runtime
from linkerd_proxy.telemetry import labels
from linkerd_proxy.telemetry.metrics import HttpSeries
from linkerd_rules.policy import CompiledRoute, PortRules


class Found(NamedTuple):
    """A route, and the Service whose profile has it (label dst)."""

    authority: str
    route: CompiledRoute


def find_route(rules: PortRules, head: RequestHead) -> Found | None:
    """The route that takes a request; None where what it was sent to has no profile."""
    canonical = find(head.fields, L5D_DST_CANONICAL)
    profile = None if canonical is None else rules.profile(canonical)
    if profile is None:
        profile = rules.profile(head.authority)
    if profile is None:
        return None
    route = profile.route(head.method, head.authority, head.path, head.fields)
    return None if route is None else Found(profile.doc.authority, route)


class ProfileRoute:
    """The books of one route."""

    __slots__ = ("_series", "_turn", "classify")

    def __init__(self, runtime: Runtime, found: Found) -> None:
        pairs = [("direction", "inbound"), ("dst", found.authority)]
        pairs += labels.prefixed("rt", found.route.route.labels)
        self._series: HttpSeries = runtime.metrics.route.series(labels.render(pairs))
        self._turn = runtime.turn
        self.classify = found.route.classify

    def follow(self, x: Exchange) -> None:
        """Count a request, and how it ends."""
        self._series.requests.value += 1
        x.observer = _Followed(self, x.observer)

    def end(self, x: Exchange, error: ProxyError | None) -> None:
        """It has ended."""
        grpc_status = int(x.grpc_status) if x.grpc_status is not None and x.grpc_status.isdigit() else None
        status = int(x.status) if x.status else 0 if error is None else error.status
        success = error is None and self.classify(status, grpc_status, x.flags & GRPC != 0)
        label = "" if error is None else error.label
        self._series.end(status, success, (self._turn.now - x.started) * 1000, grpc_status, label)


class _Followed:
    """The observer of one request, before the one that it had."""

    __slots__ = ("_inner", "_route")

    def __init__(self, route: ProfileRoute, inner: Observer) -> None:
        self._route = route
        self._inner = inner

    def response_head(self, x: Exchange, head: Headers) -> Headers:
        return self._inner.response_head(x, head)

    def first_data(self, x: Exchange) -> None:
        self._inner.first_data(x)

    def response_end(self, x: Exchange, trailers: Headers | None) -> None:
        self._route.end(x, None)
        self._inner.response_end(x, trailers)

    def failed(self, x: Exchange, error: ProxyError | None) -> None:
        if error is not None:
            self._route.end(x, error)
        self._inner.failed(x, error)

    def explain(self, x: Exchange) -> Way:
        return self._inner.explain(x)
