"""One endpoint: how its connections are made, what is sent on them, and the books of every request to it.

A meshed endpoint whose hint is h2 gets everything on HTTP/2 over mTLS, HTTP/1 carried with l5d-orig-proto. Others get
what the client speaks, in mTLS where discovery knows an identity. Upgrades and CONNECT always go as HTTP/1.
"""

import logging
from bisect import bisect_left
from collections.abc import Callable
from enum import Enum
from random import random

from linkerd_contract.explain import DecisionStep
from linkerd_contract.names import ALPN_H2, ALPN_OPAQUE, L5D_ORIG_PROTO, L5D_PROXY_CONNECTION, L5D_PROXY_ERROR
from linkerd_contract.outbound import Backend, Endpoint, OutboundDocument, Protocol, ProtocolHint
from linkerd_proxy.addrs import server_addr
from linkerd_proxy.balance import EndpointState, penalty_ms
from linkerd_proxy.codec.headers import Headers, find, without
from linkerd_proxy.errors import IdentityRequired, ProxyError
from linkerd_proxy.http.exchange import ABSOLUTE_FORM, FIRST_DATA, GRPC, HTTP_2, HTTP_10, UPGRADE, Exchange, Way
from linkerd_proxy.http.pool import H1Pool, H2Pool, Target
from linkerd_proxy.http.runtime import Runtime
from linkerd_proxy.http.watch import Facts
from linkerd_proxy.outbound.books import backend_places
from linkerd_proxy.outbound.way import backend_step, route_step, target_step
from linkerd_proxy.settings import Outbound
from linkerd_proxy.telemetry import labels
from linkerd_proxy.telemetry.book import BOUNDS_MS, Cell, Responses
from linkerd_proxy.telemetry.metrics import LEGACY, TcpSeries
from linkerd_proxy.transport.connect import ClientTls, Dialer
from linkerd_proxy.transport.wheel import Timer
from linkerd_rules.policy import CompiledRoute

log = logging.getLogger(__name__)

State = EndpointState["OutboundEndpoint"]


class Health(Enum):
    """What an endpoint's HTTP/2 connections say of it."""

    connected = "connected"
    failed = "failed"
    """It could not be connected to; it is tried again, with backoff."""
    lost = "lost"
    """Its last connection ended; another one is made when it is wanted."""


OnHealth = Callable[["OutboundEndpoint", Health], None]

_BETWEEN_PROXIES = frozenset((L5D_ORIG_PROTO, L5D_PROXY_CONNECTION))
"""What a peer proxy says to us and not to the application."""
_WITH_ERRORS = _BETWEEN_PROXIES | {L5D_PROXY_ERROR}
"""The same, where the application is not told of errors either."""

_RESOURCE_EXHAUSTED = 8
_PENALIZED = frozenset((b"2", b"4", b"8", b"13", b"14", b"15"))
"""Of gRPC: unknown, deadline-exceeded, resource-exhausted, internal, unavailable, data-loss."""

_CARRIED: dict[tuple[bool, bool], bytes] = {
    (False, False): b"HTTP/1.1",
    (True, False): b"HTTP/1.0",
    (False, True): b"HTTP/1.1; absolute-form",
    (True, True): b"HTTP/1.0; absolute-form",
}


class EndpointFactory:
    """What all endpoints of the outbound side have in common."""

    def __init__(self, runtime: Runtime, settings: Outbound, dialer: Dialer, own_ips: frozenset[str]) -> None:
        self.runtime = runtime
        self.settings = settings
        self.dialer = dialer
        self.own_ips = own_ips

    def make(
        self, endpoint: Endpoint, doc: OutboundDocument, backend: Backend, on_health: OnHealth
    ) -> "OutboundEndpoint":
        """A new endpoint of a backend."""
        return OutboundEndpoint(self, endpoint, doc, backend, on_health)


class OutboundEndpoint:
    """One endpoint of one backend."""

    def __init__(
        self, factory: EndpointFactory, endpoint: Endpoint, doc: OutboundDocument, backend: Backend, on_health: OnHealth
    ) -> None:
        self.endpoint = endpoint
        self.addr = server_addr(endpoint.addr)
        self.runtime = factory.runtime
        self._factory = factory
        self.from_peer = _BETWEEN_PROXIES if factory.settings.emit_errors else _WITH_ERRORS
        self.doc = doc
        self.backend = backend
        self._on_health = on_health
        # An endpoint in this very pod is reached directly: no TLS to oneself (Linkerd).
        local = self.addr.host in factory.own_ips
        self.identity = None if local or not factory.runtime.tls.ready else endpoint.identity
        self.hint = ProtocolHint.none if local else endpoint.protocol_hint
        self.penalize = doc.balancer.penalize_failures
        self.forward = doc.authority == endpoint.addr
        """Not an endpoint of a service: where the client was going anyway."""
        self.no_tls = labels.NoTls.not_provided if endpoint.identity is None else labels.NoTls.disabled
        if local:
            self.no_tls = labels.NoTls.loopback
        self._dst_labels = {**backend.labels, **endpoint.labels}
        if endpoint.zone_locality != "unknown":
            self._dst_labels["zone_locality"] = endpoint.zone_locality
        self.labels = self._render(doc)
        metrics = self.runtime.metrics
        self.tcp: TcpSeries = metrics.tcp.series(labels.join(self.labels, 'peer="dst"'))
        self._observers: dict[int, RequestObserver] = {}
        self._h2: H2Pool | None = None
        self._h1: H1Pool | None = None
        self._failures = 0
        self._retry: Timer | None = None
        self._h2_only = self.hint is ProtocolHint.h2 or doc.protocol in (Protocol.http2, Protocol.grpc)
        """Then what its HTTP/2 connections say is true of the endpoint; else it may still be good for HTTP/1."""
        self.cold = self._h2_only
        """Nothing can be sent before it is connected, and nobody has begun to: see `warm`."""
        self.reason = ""
        """Why the last attempt to connect failed; empty while connected."""

    def send(self, x: Exchange, state: State, route: CompiledRoute) -> None:
        """Send a request; the state's `begin` was called."""
        observer = self._observers.get(id(route))
        if observer is None:
            observer = self._observers[id(route)] = RequestObserver(self, state, route)
        x.observer = observer
        hooks = self.runtime.hooks.outbound
        if hooks:
            facts = observer.facts or observer.learn(self, route)
            for hook in hooks:
                hook(x, facts)
        observer.begin(x)
        head = x.head
        fields = head.sent
        if head.require_id is not None and head.require_id.decode("latin-1") != self.identity:
            x.fail(IdentityRequired(f"require id {head.require_id.decode('latin-1')}, found {self.identity}"))
            return
        if head.version == HTTP_2:
            (self._h2 or self._make_h2()).send(x, fields)
        elif x.flags & UPGRADE:
            (self._h1 or self._make_h1()).send_fresh(x, fields)
        elif self.hint is ProtocolHint.h2:
            version = _CARRIED[head.version == HTTP_10, head.flags & ABSOLUTE_FORM != 0]
            (self._h2 or self._make_h2()).send(x, [*fields, (L5D_ORIG_PROTO, version)])
        else:
            (self._h1 or self._make_h1()).send(x, fields)

    def opaque_tls(self) -> ClientTls | None:
        """How to secure an opaque connection made now."""
        return self._tls(ALPN_OPAQUE)

    def warm(self) -> None:
        """Connect, ahead of requests."""
        self.cold = False
        (self._h2 or self._make_h2()).connect()

    def follow(self, doc: OutboundDocument, backend: Backend) -> None:
        """Policy changed: what was kept for its routes is of no use, and where requests count may be another."""
        self.doc, self.backend = doc, backend
        self._observers.clear()

    def retire(self) -> None:
        """Discovery took it away: finish what runs."""
        if self._retry is not None:
            self._retry.cancel()
        for pool in (self._h2, self._h1):
            if pool is not None:
                pool.retire()

    # Connections.

    def _make_h2(self) -> H2Pool:
        params = self.doc.http2
        keep_alive = None
        if self.identity is not None and params.keep_alive_interval_ms:
            keep_alive = (params.keep_alive_interval_ms / 1000, params.keep_alive_timeout_ms / 1000)
        target = Target(
            self.runtime,
            self.addr,
            self._factory.dialer,
            self.tcp,
            lambda: self._tls(ALPN_H2),
            keep_alive=keep_alive,
        )
        capacity = self._factory.settings.base.http_queue_capacity
        self._h2 = H2Pool(target, capacity, self._connected, self._lost) if self._h2_only else H2Pool(target, capacity)
        return self._h2

    def _make_h1(self) -> H1Pool:
        base = self._factory.settings.base
        # Without ALPN: the peer detects what is inside.
        target = Target(self.runtime, self.addr, self._factory.dialer, self.tcp, lambda: self._tls(""))
        self._h1 = H1Pool(target, base.http1_pool_idle_ms / 1000, base.max_idle_conns_per_endpoint)
        return self._h1

    def _tls(self, alpn: str) -> ClientTls | None:
        if self.identity is None:
            return None
        return ClientTls(self.runtime.tls.client(alpn), self.identity, self.runtime.turn)

    def _connected(self, error: ProxyError | None) -> None:
        """An attempt to make an HTTP/2 connection ended: after a failure, none is made for a while."""
        if error is None:
            self._failures = 0
            self.reason = ""
            self._on_health(self, Health.connected)
            return
        self.reason = error.message
        base = self._factory.settings.base
        wait = min(base.backoff_max_ms, base.backoff_min_ms * 2 ** min(self._failures, 30)) / 1000
        wait *= 1 + base.backoff_jitter * random()
        self._failures += 1
        self._on_health(self, Health.failed)
        self._retry = self.runtime.wheel.after(wait, self._try_again)

    def _lost(self) -> None:
        self.cold = True
        self._on_health(self, Health.lost)

    def _try_again(self) -> None:
        if self._h2 is not None:
            self._h2.connect()

    def metadata(self) -> dict[str, str]:
        """Its labels, unprefixed, and its TLS: what tap shows and matches."""
        return self._dst_labels | dict(labels.described_tls("server_id", self.identity, self.no_tls))

    def _render(self, doc: OutboundDocument) -> str:
        return labels.render(
            [
                ("direction", "outbound"),
                ("authority", doc.authority),
                *labels.target(*self.addr),
                *labels.client_tls(self.identity, self.no_tls),
                *labels.prefixed("dst", self._dst_labels),
            ]
        )


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


class RequestObserver:
    """The books of requests to one endpoint by one route: load, breaker, metrics."""

    __slots__ = (
        "_addr",
        "_book",
        "_classify",
        "_endpoint",
        "_forward",
        "_from_peer",
        "_grpc",
        "_http",
        "_penalize",
        "_places",
        "_route",
        "_state",
        "_turn",
        "_usual",
        "facts",
    )

    def __init__(self, endpoint: OutboundEndpoint, state: State, route: CompiledRoute) -> None:
        self._addr = endpoint.addr
        self._endpoint = endpoint
        self._route = route.route
        self._state = state
        self._book = endpoint.runtime.metrics.requests
        self._places = ((LEGACY, endpoint.labels), *backend_places(endpoint.doc, route, endpoint.backend))
        self._http: Cell | None = None
        self._grpc: Cell | None = None
        self._turn = endpoint.runtime.turn
        self._classify = route.classify
        self.facts: Facts | None = None
        self._usual: dict[tuple[bytes, bytes | None, int], tuple[Responses, bool, bool]] = {}
        self._penalize = endpoint.penalize
        self._forward = endpoint.forward
        self._from_peer = endpoint.from_peer

    def learn(self, endpoint: OutboundEndpoint, route: CompiledRoute) -> Facts:
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

    def begin(self, x: Exchange) -> None:
        """Count a request."""
        cell = self._grpc if x.flags & GRPC else self._http
        if cell is None:
            cell = self._cell(x)
        cell.requests += 1

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
        self._cell(x).responses(status, False, None, error).observe((now - x.started) * 1000)

    def _cell(self, x: Exchange) -> Cell:
        grpc = x.flags & GRPC != 0
        cell = self._book.cell(*self._places, grpc=grpc)
        if grpc:
            self._grpc = cell
        else:
            self._http = cell
        return cell

    def _ending(self, x: Exchange) -> tuple[Responses, bool, bool]:
        """Where a response like this one is counted, whether it is a success, and whether it says "too many"."""
        grpc_status = int(x.grpc_status) if x.grpc_status is not None and x.grpc_status.isdigit() else None
        status = int(x.status)
        success = self._classify(status, grpc_status, x.flags & GRPC != 0)
        limited = status == 429 or grpc_status == _RESOURCE_EXHAUSTED
        found = (self._cell(x).responses(status, success, grpc_status), success, limited)
        # Peers choose these: what is not usual is not kept.
        if len(self._usual) < 64:
            self._usual[x.status, x.grpc_status, x.flags & GRPC] = found
        return found
