"""The books of the requests to one endpoint by one route: its load, its breaker, metrics, decisions."""

import logging
from bisect import bisect_left
from typing import TYPE_CHECKING

from linkerd_contract.explain import DecisionStep
from linkerd_contract.names import L5D_PROXY_CONNECTION, L5D_PROXY_ERROR
from linkerd_proxy.balance import EndpointState, penalty_ms
from linkerd_proxy.codec.headers import Headers, find, without
from linkerd_proxy.errors import ProxyError
from linkerd_proxy.http.counting import Counting
from linkerd_proxy.http.exchange import FIRST_DATA, GRPC, Exchange, Way
from linkerd_proxy.http.watch import Facts
from linkerd_proxy.outbound.books import backend_places
from linkerd_proxy.outbound.way import backend_step, route_step, target_step
from linkerd_proxy.telemetry import labels
from linkerd_proxy.telemetry.book import BOUNDS_MS, Responses
from linkerd_proxy.telemetry.metrics import LEGACY
from linkerd_rules.policy import CompiledRoute

if TYPE_CHECKING:
    from linkerd_proxy.outbound.endpoint import OutboundEndpoint

log = logging.getLogger(__name__)

State = EndpointState["OutboundEndpoint"]

_RESOURCE_EXHAUSTED = 8
_PENALIZED = frozenset((b"2", b"4", b"8", b"13", b"14", b"15"))
"""Of gRPC: unknown, deadline-exceeded, resource-exhausted, internal, unavailable, data-loss."""


def penalty_of(x: Exchange, head: Headers) -> float | None:
    """Milliseconds to take for the round trip of a response that is a failure by its head; None for all others.

    429, 503 and other 5xx; trailers-only gRPC with one of Linkerd's codes. Retry-After (seconds; a date is not read)
    and grpc-retry-pushback-ms are what the server asks for.
    """
    if x.flags & GRPC:
        if x.grpc_status not in _PENALIZED:
            return None
        return penalty_ms(_number(find(head, b"grpc-retry-pushback-ms")))
    if x.status != b"429" and x.status[:1] != b"5":
        return None
    seconds = _number(find(head, b"retry-after"))
    return penalty_ms(None if seconds is None else seconds * 1000)


def _number(value: bytes | None) -> float | None:
    return float(value) if value is not None and value.isdigit() and len(value) < 10 else None


class RequestObserver(Counting):
    """`hostname` is a label of the route's metrics; empty: there is none."""

    __slots__ = (
        "_addr",
        "_classify",
        "_endpoint",
        "_forward",
        "_from_peer",
        "_penalize",
        "_route",
        "_state",
        "_turn",
        "_usual",
        "facts",
    )

    def __init__(self, endpoint: "OutboundEndpoint", state: State, route: CompiledRoute, hostname: str) -> None:
        self._addr = endpoint.addr
        self._endpoint = endpoint
        self._route = route.route
        self._state = state
        places = ((LEGACY, endpoint.labels), *backend_places(endpoint.doc, route, endpoint.backend, hostname))
        super().__init__(endpoint.runtime.metrics.requests, places)
        self._turn = endpoint.runtime.turn
        self._classify = route.classify
        self.facts: Facts | None = None
        self._usual: dict[tuple[bytes, bytes | None, int], tuple[Responses, bool, bool]] = {}
        self._penalize = endpoint.penalize
        self._forward = endpoint.forward
        self._from_peer = endpoint.from_peer

    def learn(self, endpoint: "OutboundEndpoint", route: CompiledRoute) -> Facts:
        """What hooks are told of requests to this endpoint."""
        self.facts = Facts(
            endpoint.addr,
            source_labels={},
            destination_labels=endpoint.metadata(),
            route_labels={**labels.described(route.route.resource), **route.route.labels},
        )
        return self.facts

    def response_head(self, x: Exchange, head: Headers) -> Headers:
        if self._penalize and (penalty := penalty_of(x, head)) is not None:
            # At the head: what still comes of a failed response says nothing of the endpoint's speed.
            x.flags |= FIRST_DATA
            self._state.observe(penalty, self._turn.now)
        passed = without(head, self._from_peer)
        if x.status != b"200" or x.grpc_status is not None:
            error = find(head, L5D_PROXY_ERROR)
            if error is not None:
                log.info("peer proxy at %s: %s", self._addr, error.decode("latin-1"))
        if passed is not head and self._forward and find(head, L5D_PROXY_CONNECTION) == b"close":
            x.down.close_after(x)
        return passed

    def first_data(self, x: Exchange) -> None:
        now = self._turn.now
        self._state.observe((now - x.started) * 1000, now)

    def response_end(self, x: Exchange, trailers: Headers | None) -> None:
        found = self._usual.get((x.status, x.grpc_status, x.flags & GRPC))
        if found is None:
            found = self._ending(x)
        responses, success, limited = found
        now = self._turn.now
        ms = (now - x.started) * 1000
        responses.counts[bisect_left(BOUNDS_MS, ms)] += 1
        responses.sum += ms
        if x.sent:
            responses.body(ms, (now - x.sent) * 1000)
        self._state.classify(success, now, limited=limited)

    def explain(self, x: Exchange) -> Way:
        endpoint = self._endpoint
        tls = f"mTLS with {endpoint.identity}" if endpoint.identity is not None else f"no mTLS: {endpoint.no_tls.value}"
        steps = [
            target_step(endpoint.doc),
            route_step(self._route),
            backend_step(endpoint.backend),
            DecisionStep("endpoint", str(endpoint.addr), tls),
        ]
        return Way(str(endpoint.addr), steps)

    def failed(self, x: Exchange, error: ProxyError | None) -> None:
        now = self._turn.now
        observed = x.flags & FIRST_DATA != 0
        if error is None:
            self._state.abandon(observed=observed)
            return
        if not observed:
            self._state.observe((now - x.started) * 1000, now)
        self._state.classify(False, now)
        status = int(x.status) if x.status else error.status
        self.cell(x).responses(status, False, None, error).observe((now - x.started) * 1000)

    def _ending(self, x: Exchange) -> tuple[Responses, bool, bool]:
        """Where a response like this one is counted, whether it is a success, and whether it says "too many"."""
        grpc_status = int(x.grpc_status) if x.grpc_status is not None and x.grpc_status.isdigit() else None
        status = int(x.status)
        success = self._classify(status, grpc_status, x.flags & GRPC != 0)
        limited = status == 429 or grpc_status == _RESOURCE_EXHAUSTED
        found = (self.cell(x).responses(status, success, grpc_status), success, limited)
        # Peers choose these: what is not usual is not kept.
        if len(self._usual) < 64:
            self._usual[x.status, x.grpc_status, x.flags & GRPC] = found
        return found
