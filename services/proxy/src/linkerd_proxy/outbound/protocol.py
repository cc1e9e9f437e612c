"""What a connection of the application speaks: as discovery hints, or as its first read shows, else opaque."""

import asyncio
import logging
from collections.abc import Callable
from typing import cast

from linkerd_contract.outbound import Protocol
from linkerd_proxy.codec.detect import Detected, detect
from linkerd_proxy.errors import BadRequest
from linkerd_proxy.http.connections import Connections
from linkerd_proxy.http.detecting import FirstRead, Why, hand_over
from linkerd_proxy.http.h2 import KeepAlive
from linkerd_proxy.http.in_flight import InFlight
from linkerd_proxy.http.runtime import Runtime
from linkerd_proxy.http.server_h1 import H1Server
from linkerd_proxy.http.server_h2 import H2Server
from linkerd_proxy.http.settings import h2_settings
from linkerd_proxy.outbound.discover import OutboundTarget
from linkerd_proxy.outbound.logical import Logical
from linkerd_proxy.outbound.opaque import OpaqueConnection
from linkerd_proxy.settings import Outbound
from linkerd_proxy.telemetry import labels
from linkerd_proxy.telemetry.metrics import TcpSeries
from linkerd_proxy.telemetry.routes import parent_labels
from linkerd_proxy.transport.connect import Dialer

log = logging.getLogger(__name__)

_STALLED = (
    "the client of %s said nothing for %gs, so it may wait for its server to speak first: "
    "to spare it that wait, mark port %d as opaque (config.linkerd.io/opaque-ports)"
)

_CONFIGURED = {
    Protocol.http1: "http/1",
    Protocol.http2: "http/2",
    Protocol.grpc: "http/2",
    Protocol.opaque: "opaq",
    Protocol.tls: "tls",
}
"""Linkerd's words for what discovery says; all else is "detect"."""
_HINTS = {Protocol.http1: Detected.HTTP1, Protocol.http2: Detected.HTTP2, Protocol.grpc: Detected.HTTP2}
_RESULTS = {Detected.HTTP1: "http/1", Detected.HTTP2: "http/2", Detected.OPAQUE: "not_http", Detected.EMPTY: "error"}


class ProtocolStage:
    """Gives accepted connections their protocol."""

    def __init__(self, runtime: Runtime, settings: Outbound, dialer: Dialer, connections: Connections) -> None:
        self._runtime = runtime
        self._dialer = dialer
        self._connections = connections
        self._http2 = settings.base.http2
        self._h2_settings = h2_settings(settings.base.http2)
        self._emit_errors = settings.emit_errors
        self._admit = InFlight(settings.base.max_in_flight, connections, runtime.turn).admit
        self._protocols = runtime.metrics.outbound_protocols
        self._detect = runtime.metrics.outbound_detect

    def first(self, target: OutboundTarget) -> asyncio.Protocol:
        """The protocol with which a connection to this target begins."""
        policy = target.policy
        assert policy is not None
        doc = policy.doc
        hint = _HINTS.get(doc.protocol)
        # Opaque and TLS connections wait for nothing: their servers may speak first.
        timeout = 0.0 if doc.protocol in (Protocol.opaque, Protocol.tls) else doc.detect_timeout_ms / 1000
        started = self._runtime.loop.time()
        parent = parent_labels(doc.parent)
        self._protocols.labels(_CONFIGURED.get(doc.protocol, "detect"), base=parent).value += 1

        def decide(transport: asyncio.Transport, data: bytes, why: Why) -> bool:
            if hint is not None:
                found = hint
            elif why is Why.timeout:
                found = Detected.OPAQUE
                if not target.stalled:
                    target.stalled = True
                    log.warning(_STALLED, target.addr, timeout, target.addr.port)
                self._detect.results.labels("read_timeout", base=parent).value += 1
            else:
                found = detect(data)
                self._detect.results.labels(_RESULTS[found], base=parent).value += 1
                self._detect.duration.labels(base=parent).observe(self._runtime.loop.time() - started)
                if found is Detected.EMPTY:
                    return False
            self.serve(transport, target, found, data)
            return True

        if timeout == 0.0:
            return _Immediately(lambda transport: self.serve(transport, target, Detected.OPAQUE, b""))
        if hint is not None:
            return _Immediately(lambda transport: self.serve(transport, target, hint, b""))
        return FirstRead(self._runtime.wheel, timeout, decide, target.released)

    def serve(self, transport: asyncio.Transport, target: OutboundTarget, protocol: Detected, received: bytes) -> None:
        """Serve a connection whose protocol is known."""
        accepted = self._accepted(target)
        if protocol is Detected.OPAQUE:
            OpaqueConnection(self._runtime, target, self._dialer, accepted, self._connections).start(
                transport, received
            )
            return
        logical = Logical(target, self._runtime)
        server: H1Server | H2Server
        if protocol is Detected.HTTP2:
            server = H2Server(self._runtime.turn, accepted, self._h2_settings, logical, emit_errors=self._emit_errors)
            wire: asyncio.Protocol = server.wire
            if self._http2.keep_alive_interval_ms:
                interval, timeout = self._http2.keep_alive_interval_ms, self._http2.keep_alive_timeout_ms
                server.keep_alive = KeepAlive(server, self._runtime.wheel, interval / 1000, timeout / 1000)
        else:
            server = H1Server(self._runtime, accepted, logical, emit_errors=self._emit_errors)
            wire = server

        def closed() -> None:
            self._connections.discard(server)
            logical.close()
            target.released()

        server.admit = self._admit
        server.on_closed = closed
        server.on_bad_request = self._bad_request
        server.on_failure = logical.failed
        self._connections.add(server)
        hand_over(transport, wire, received)

    def _bad_request(self) -> None:
        self._runtime.metrics.outbound_errors.http.labels(BadRequest.label).value += 1

    def _accepted(self, target: OutboundTarget) -> TcpSeries:
        if target.accepted is None:
            target.accepted = self._runtime.metrics.tcp.series(
                labels.render(
                    [
                        ("direction", "outbound"),
                        ("peer", "src"),
                        *labels.target(*target.addr),
                        *labels.client_tls(None, labels.NoTls.loopback),
                    ]
                )
            )
        return target.accepted


class _Immediately(asyncio.Protocol):
    """No bytes are needed to know the protocol."""

    def __init__(self, serve: Callable[[asyncio.Transport], None]) -> None:
        self._serve = serve

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._serve(cast("asyncio.Transport", transport))
