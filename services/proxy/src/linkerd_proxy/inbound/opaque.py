"""Connections to the application that are not HTTP: authorized as a whole, again at every change of policy."""

import asyncio
import logging

from linkerd_proxy.errors import ProxyError, Unauthorized
from linkerd_proxy.http.connections import Connections
from linkerd_proxy.http.detecting import hand_over
from linkerd_proxy.http.runtime import Runtime
from linkerd_proxy.inbound.client import Client
from linkerd_proxy.inbound.forward import Application
from linkerd_proxy.inbound.policy import PolicyHolder
from linkerd_proxy.telemetry import labels
from linkerd_proxy.telemetry.metrics import TcpSeries
from linkerd_proxy.transport.flow import errno_name
from linkerd_proxy.transport.relay import End, pair
from linkerd_rules.policy import Verdict

log = logging.getLogger(__name__)


class OpaqueConnection:
    """One relayed connection."""

    def __init__(
        self,
        runtime: Runtime,
        holder: PolicyHolder,
        client: Client,
        accepted: TcpSeries,
        connections: Connections,
    ) -> None:
        self._runtime = runtime
        self._holder = holder
        self._client = client
        self._accepted = accepted
        self._connections = connections
        self._end = End(accepted.read, accepted.written, self._lost)

    def start(self, transport: asyncio.Transport, application: Application, received: bytes) -> None:
        """Relay from now on, beginning with what was read already; or close, where policy says no."""
        metrics = self._runtime.metrics
        verdict = self._verdict()
        if not verdict.allowed:
            metrics.authz.tcp_deny.labels(base=self._labels()).value += 1
            metrics.inbound_errors.tcp.labels(Unauthorized.label).value += 1
            log.info("denied a connection from %s to %s", self._client.addr, self._client.dst)
            transport.close()
            return
        if verdict.audit:
            log.info("audit: would deny a connection from %s to %s", self._client.addr, self._client.dst)
        metrics.authz.tcp_allow.labels(base=self._labels()).value += 1
        self._accepted.connected()
        self._connections.add(self)
        self._holder.listen(self._check)
        tcp = application.tcp
        server = End(tcp.read, tcp.written, lambda error: tcp.closed(errno_name(error)))
        pair(self._end, server)
        hand_over(transport, self._end, received)
        self._runtime.tasks.spawn(self._connect(application, server))

    @property
    def in_flight(self) -> int:
        return 0  # there are no requests

    def drain(self) -> None:
        """Opaque connections end when their ends do (Linkerd)."""

    def kill(self) -> None:
        """Close both ends now."""
        self._end.abort()

    async def _connect(self, application: Application, server: End) -> None:
        try:
            await application.dialer.connect(application.addr, server)
        except ProxyError as error:
            log.info("%s", error)
            self._runtime.metrics.inbound_errors.tcp.labels(error.label).value += 1
            self._end.abort()
            server.never()
            return
        application.tcp.connected()

    def _check(self) -> None:
        """Policy changed."""
        if not self._verdict().allowed:
            self._runtime.metrics.authz.tcp_terminate.labels(base=self._labels()).value += 1
            log.info("policy ends the connection from %s to %s", self._client.addr, self._client.dst)
            self._end.abort()

    def _verdict(self) -> Verdict:
        client = self._client
        rules = self._holder.current.port(client.dst.port)
        return rules.authorize_tcp(client.ip, client.identity, client.tls)

    def _labels(self) -> str:
        server = self._holder.current.port(self._client.dst.port).policy.server
        return labels.render([*self._client.labels, *self._client.server_labels(server)])

    def _lost(self, error: Exception | None) -> None:
        self._accepted.closed(errno_name(error))
        self._holder.unlisten(self._check)
        self._connections.discard(self)
