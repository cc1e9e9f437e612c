"""Where requests of a route are counted, when it has features and when it has not.

A request of a plain route goes to an endpoint once: what the endpoint's cell counts is the route's count too. One of a
route with features may go to several, so the route's counts are its own.
"""

from linkerd_contract.outbound import Backend, OutboundDocument
from linkerd_proxy.errors import ProxyError
from linkerd_proxy.http.exchange import GRPC, Exchange, Told, Way
from linkerd_proxy.http.runtime import Runtime
from linkerd_proxy.telemetry.book import Cell, Place
from linkerd_proxy.telemetry.metrics import BACKEND, ROUTE, Metrics
from linkerd_proxy.telemetry.routes import route_backend_labels, route_labels
from linkerd_rules.policy import CompiledRoute


def is_plain(route: CompiledRoute, doc: OutboundDocument) -> bool:
    """Whether a route's requests need nothing but a backend."""
    if route.retry is not None or route.backend_filters or not route.filters.empty:
        return False
    return route.timeouts.none and not route.route.allow_request_overrides and doc.profile is None


def backend_places(doc: OutboundDocument, route: CompiledRoute, backend: Backend, hostname: str) -> tuple[Place, ...]:
    """Where a request to an endpoint of this backend counts, besides with the endpoint."""
    place = (BACKEND, route_backend_labels(doc.parent, route.route.resource, backend.resource))
    return (place, _route_place(doc, route, hostname)) if is_plain(route, doc) else (place,)


def route_cell(metrics: Metrics, doc: OutboundDocument, route: CompiledRoute, hostname: str, *, grpc: bool) -> Cell:
    """The cell of a route's requests that no endpoint counts for it."""
    return metrics.requests.cell(_route_place(doc, route, hostname), grpc=grpc)


def hostname_of(runtime: Runtime, x: Exchange) -> str:
    """The label hostname of a request; empty where such labels are not wanted."""
    return "" if runtime.route_hostname is None else runtime.route_hostname(x.head.authority)


def _route_place(doc: OutboundDocument, route: CompiledRoute, hostname: str) -> Place:
    return ROUTE, route_labels(doc.parent, route.route.resource, hostname)


class Unsent(Told):
    """The observer of a plain route's request that reached no endpoint: its end is counted with the route."""

    __slots__ = ("_doc", "_route", "_runtime")

    def __init__(self, runtime: Runtime, doc: OutboundDocument, route: CompiledRoute, way: Way) -> None:
        super().__init__(way)
        self._runtime = runtime
        self._doc = doc
        self._route = route

    def failed(self, x: Exchange, error: ProxyError | None) -> None:
        if error is not None and is_plain(self._route, self._doc):
            runtime = self._runtime
            name = hostname_of(runtime, x)
            cell = route_cell(runtime.metrics, self._doc, self._route, name, grpc=x.flags & GRPC != 0)
            cell.responses(error.status, False, None, error).observe((self._runtime.turn.now - x.started) * 1000)
