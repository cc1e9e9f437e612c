"""One endpoint: how its connections are made, and what is sent on them.

A meshed endpoint whose hint is h2 gets everything on HTTP/2 over mTLS, HTTP/1 carried with l5d-orig-proto. Others get
what the client speaks, in mTLS where discovery knows an identity. Upgrades and CONNECT always go as HTTP/1.
"""

from collections.abc import Callable
from enum import Enum
from random import random

from linkerd_contract.names import ALPN_H2, ALPN_OPAQUE, L5D_ORIG_PROTO, L5D_PROXY_CONNECTION, L5D_PROXY_ERROR
from linkerd_contract.outbound import Backend, Endpoint, OutboundDocument, Protocol, ProtocolHint
from linkerd_proxy.addrs import server_addr
from linkerd_proxy.errors import IdentityRequired, ProxyError
from linkerd_proxy.http.exchange import ABSOLUTE_FORM, HTTP_2, HTTP_10, UPGRADE, Exchange
from linkerd_proxy.http.pool import H1Pool, H2Pool, Target
from linkerd_proxy.http.runtime import Runtime
from linkerd_proxy.outbound.books import hostname_of
from linkerd_proxy.outbound.observer import RequestObserver, State
from linkerd_proxy.settings import Outbound
from linkerd_proxy.telemetry import labels
from linkerd_proxy.telemetry.metrics import TcpSeries
from linkerd_proxy.transport.connect import ClientTls, Dialer
from linkerd_proxy.transport.wheel import Timer
from linkerd_rules.policy import CompiledRoute

MAX_OBSERVERS = 256
"""Of one endpoint: with hostnames there is one for each name that clients use."""


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
        connections = labels.join(self.labels, 'peer="dst"')
        self.tcp: TcpSeries = metrics.tcp.series(connections)
        metrics.transfer_cost.locate(connections, endpoint.zone_locality)
        self._observers: dict[object, RequestObserver] = {}
        """By route, and by hostname where that is a label."""
        self._named = self.runtime.route_hostname is not None
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
        observer = self._observers.get(id(route)) if not self._named else None
        if observer is None:
            observer = self._observer(x, state, route)
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

    def _observer(self, x: Exchange, state: State, route: CompiledRoute) -> RequestObserver:
        """Of requests by this route, and with this hostname."""
        hostname = hostname_of(self.runtime, x)
        key = (id(route), hostname) if self._named else id(route)
        observer = self._observers.get(key)
        if observer is None:
            if len(self._observers) >= MAX_OBSERVERS:
                self._observers.clear()
            observer = self._observers[key] = RequestObserver(self, state, route, hostname)
        return observer

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
