"""Connections that are not HTTP: one endpoint by P2C, then a relay of bytes, in mTLS where the endpoint is meshed."""

import asyncio
import logging

from linkerd_proxy.errors import LoadShed, ProxyError
from linkerd_proxy.http.connections import Connections
from linkerd_proxy.http.detecting import hand_over
from linkerd_proxy.http.runtime import Runtime
from linkerd_proxy.outbound.concrete import Concrete, State
from linkerd_proxy.outbound.discover import OutboundTarget
from linkerd_proxy.telemetry.metrics import TcpSeries
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
        self._client = End(accepted.read, accepted.written, self._client_lost)

    def start(self, transport: asyncio.Transport, received: bytes) -> None:
        """Relay from now on, beginning with what was read already."""
        self._accepted.connected()
        self._connections.add(self)
        self._runtime.turn.read()
        concrete = self._concrete()
        state = concrete.pick_tcp() if concrete is not None else None
        if state is None:
            self._refuse(LoadShed())
            hand_over(transport, self._client)
            transport.close()
            return
        state.begin()
        tcp = state.data.tcp
        server = End(tcp.read, tcp.written, lambda error: tcp.closed(errno_name(error)))
        pair(self._client, server)
        hand_over(transport, self._client, received)
        self._runtime.tasks.spawn(self._connect(state, server))

    def drain(self) -> None:
        """Opaque connections end when their ends do (Linkerd)."""

    def kill(self) -> None:
        """Close both ends now."""
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
        turn = self._runtime.turn
        started = turn.read()
        try:
            await self._dialer.connect(endpoint.addr, server, endpoint.opaque_tls())
        except ProxyError as error:
            state.abandon()
            log.info("%s: %s", self._target.addr, error)
            self._refuse(error)
            self._client.abort()
            return
        now = turn.read()
        state.observe((now - started) * 1000, now)
        endpoint.tcp.connected()

    def _refuse(self, error: ProxyError) -> None:
        self._runtime.metrics.outbound_errors.tcp.labels(error.label).value += 1

    def _client_lost(self, error: Exception | None) -> None:
        self._accepted.closed(errno_name(error))
        self._connections.discard(self)
        self._target.released()
