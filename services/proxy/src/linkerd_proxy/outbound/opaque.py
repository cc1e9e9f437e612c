"""Connections that are not HTTP: one endpoint by P2C, then a relay of bytes, in mTLS where the endpoint is meshed."""

import asyncio
import logging
from collections.abc import Callable

from linkerd_contract.outbound import Protocol
from linkerd_proxy.errors import LoadShed, ProxyError
from linkerd_proxy.http.connections import Connections
from linkerd_proxy.http.detecting import hand_over
from linkerd_proxy.http.runtime import Runtime
from linkerd_proxy.outbound.concrete import Concrete
from linkerd_proxy.outbound.discover import OutboundTarget
from linkerd_proxy.outbound.observer import State
from linkerd_proxy.telemetry.metrics import TcpSeries
from linkerd_proxy.telemetry.routes import ConnectionRouteFamilies, route_labels
from linkerd_proxy.transport.connect import Dialer
from linkerd_proxy.transport.flow import errno_name
from linkerd_proxy.transport.relay import End, pair

log = logging.getLogger(__name__)


class OpaqueConnection:
    """One relayed connection."""

    def __init__(
        self, runtime: Runtime, target: OutboundTarget, dialer: Dialer, accepted: TcpSeries, connections: Connections
    ) -> None:
        self._runtime = runtime
        self._target = target
        self._dialer = dialer
        self._connections = connections
        self._accepted = accepted
        self._waiting: asyncio.Transport | None = None
        self._route: tuple[ConnectionRouteFamilies, str] | None = None
        self._client = End(accepted.read, accepted.written, self._client_lost)

    def start(self, transport: asyncio.Transport, received: bytes) -> None:
        """Relay from now on, beginning with what was read already."""
        self._accepted.connected()
        self._connections.add(self)
        self._opened()
        self._runtime.turn.read()
        concrete = self._concrete()
        state = concrete.tcp.pick() if concrete is not None else None
        if state is not None:
            self._relay(transport, state, received)
        elif concrete is None:
            self._refuse(LoadShed())
            hand_over(transport, self._client)
            transport.close()
        else:
            self._wait(transport, concrete, received)

    def _wait(self, transport: asyncio.Transport, concrete: Concrete, received: bytes) -> None:
        """No endpoint yet: as long as failfast allows, there may come one. Little is read of the client meanwhile."""
        self._waiting = transport
        waiting = _Waiting(transport, received, self._left)
        transport.set_protocol(waiting)

        def ready(error: ProxyError | None) -> None:
            self._waiting = None
            if transport.is_closing():
                return
            state = concrete.tcp.pick() if error is None else None
            if state is None:
                self._refuse(error or LoadShed())
                transport.close()
            else:
                transport.resume_reading()
                self._relay(transport, state, waiting.received)
                if waiting.said_eof:
                    self._client.eof_received()

        concrete.tcp.wait(ready)

    def _left(self, error: Exception | None) -> None:
        """It went away, or was refused, while it waited."""
        self._client_lost(error)
        self._client.never()

    def _relay(self, transport: asyncio.Transport, state: State, received: bytes) -> None:
        state.begin()
        turn, tcp = self._runtime.turn, state.data.tcp
        started = turn.now

        def lost(error: Exception | None) -> None:
            # Open connections are the endpoint's load (Linkerd): its "round trip" is a connection's life.
            now = turn.read()
            state.observe((now - started) * 1000, now)
            tcp.closed(errno_name(error))

        server = End(tcp.read, tcp.written, lost)
        pair(self._client, server)
        hand_over(transport, self._client, received)
        self._runtime.tasks.spawn(self._connect(state, server))

    @property
    def in_flight(self) -> int:
        return 0  # there are no requests

    def drain(self) -> None:
        """Opaque connections end when their ends do (Linkerd)."""

    def kill(self) -> None:
        """Close both ends now."""
        if self._waiting is not None:
            self._waiting.abort()
        self._client.abort()

    def _concrete(self) -> Concrete | None:
        policy = self._target.policy
        if policy is None or not policy.routes:
            return None
        # What is not HTTP matches no condition: the default route, which is the last one, takes it.
        route = policy.only or policy.routes[-1]
        ref = route.only_backend or route.pick_backend(self._runtime.rng(), lambda _: True)
        return self._target.concretes.get(ref) if ref is not None else None

    async def _connect(self, state: State, server: End) -> None:
        endpoint = state.data
        try:
            await self._dialer.connect(endpoint.addr, server, endpoint.opaque_tls())
        except ProxyError as error:
            state.abandon()
            log.info("%s: %s", self._target.addr, error)
            self._refuse(error)
            self._client.abort()
            server.never()
            return
        endpoint.tcp.connected()

    def _refuse(self, error: ProxyError) -> None:
        self._runtime.metrics.outbound_errors.tcp.labels(error.label).value += 1

    def _opened(self) -> None:
        policy = self._target.policy
        if policy is None or not policy.routes:
            return
        metrics = self._runtime.metrics
        families = metrics.tls_route if policy.doc.protocol is Protocol.tls else metrics.tcp_route
        route = policy.only or policy.routes[-1]
        text = route_labels(policy.doc.parent, route.route.resource)
        families.open.labels(base=text).value += 1
        self._route = (families, text)

    def _client_lost(self, error: Exception | None) -> None:
        if self._route is not None:
            families, text = self._route
            families.close.labels(errno_name(error), base=text).value += 1
        self._accepted.closed(errno_name(error))
        self._connections.discard(self)
        self._target.released()


class _Waiting(asyncio.Protocol):
    """A client that waits: what it says is kept, one read of it. `lost` hears when it goes away.

    Reading is paused by the first bytes only: uvloop starts to read after connection_made, whatever was paused in it.
    """

    def __init__(self, transport: asyncio.Transport, received: bytes, lost: Callable[[Exception | None], None]) -> None:
        self._transport = transport
        self._lost = lost
        self.received = received
        self.said_eof = False

    def data_received(self, data: bytes) -> None:
        self.received += data
        self._transport.pause_reading()

    def eof_received(self) -> bool:
        self.said_eof = True
        return True

    def connection_lost(self, error: Exception | None) -> None:
        self._lost(error)
