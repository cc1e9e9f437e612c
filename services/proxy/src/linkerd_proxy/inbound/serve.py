"""Serving an accepted connection whose client and protocol are known."""

import asyncio

from linkerd_proxy.codec.detect import Detected
from linkerd_proxy.errors import BadRequest
from linkerd_proxy.http.connections import Connections
from linkerd_proxy.http.detecting import hand_over
from linkerd_proxy.http.h2 import KeepAlive
from linkerd_proxy.http.in_flight import InFlight
from linkerd_proxy.http.runtime import Runtime
from linkerd_proxy.http.server_h1 import H1Server
from linkerd_proxy.http.server_h2 import H2Server
from linkerd_proxy.http.settings import h2_settings
from linkerd_proxy.inbound.client import Client
from linkerd_proxy.inbound.forward import Forward
from linkerd_proxy.inbound.opaque import OpaqueConnection
from linkerd_proxy.inbound.policy import PolicyHolder
from linkerd_proxy.inbound.router import Router
from linkerd_proxy.settings import Inbound
from linkerd_proxy.telemetry import labels
from linkerd_proxy.telemetry.metrics import TcpSeries


class Serve:
    """What all accepted connections share."""

    def __init__(
        self, runtime: Runtime, settings: Inbound, holder: PolicyHolder, forward: Forward, connections: Connections
    ) -> None:
        self._runtime = runtime
        self._holder = holder
        self._forward = forward
        self._connections = connections
        self.stalled: set[int] = set()
        """Ports on which detection ran out of time; each is told of once."""
        self._authorities = settings.metrics_authority_labels
        self._http2 = settings.base.http2
        self._h2_settings = h2_settings(settings.base.http2)
        self._admit = InFlight(settings.base.max_in_flight, connections, runtime.turn).admit

    def http(self, transport: asyncio.Transport, client: Client, protocol: Detected, received: bytes) -> None:
        """Serve requests."""
        runtime = self._runtime
        to = self._forward.to(client.dst)
        router = Router(runtime, self._holder, client, to, authorities=self._authorities)
        accepted = self._accepted(client)
        # Errors are told to peer proxies only: others would learn what is behind the application's address.
        emit = client.tls
        server: H1Server | H2Server
        wire: asyncio.Protocol
        if protocol is Detected.HTTP2:
            server = H2Server(runtime.turn, accepted, self._h2_settings, router, emit_errors=emit)
            wire = server.wire
            if self._http2.keep_alive_interval_ms:
                interval, timeout = self._http2.keep_alive_interval_ms, self._http2.keep_alive_timeout_ms
                server.keep_alive = KeepAlive(server, runtime.wheel, interval / 1000, timeout / 1000)
        else:
            server = wire = H1Server(runtime, accepted, router, emit_errors=emit)
        server.admit = self._admit
        server.on_closed = lambda: self._connections.discard(server)
        server.on_bad_request = self._bad_request
        server.on_failure = router.failed
        self._connections.add(server)
        hand_over(transport, wire, received)

    def _bad_request(self) -> None:
        self._runtime.metrics.inbound_errors.http.labels(BadRequest.label).value += 1

    def opaque(self, transport: asyncio.Transport, client: Client, received: bytes) -> None:
        """Relay bytes, where policy lets the client in."""
        connection = OpaqueConnection(self._runtime, self._holder, client, self._accepted(client), self._connections)
        connection.start(transport, self._forward.to(client.dst), received)

    def _accepted(self, client: Client) -> TcpSeries:
        server = self._holder.current.port(client.dst.port).policy.server
        pairs = [*client.labels, ("peer", "src"), *client.server_labels(server)]
        return self._runtime.metrics.tcp.series(labels.render(pairs))
