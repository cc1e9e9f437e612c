"""Both directions of one worker: built from settings, listening, drained.

On a drain inbound accepts nothing new and finishes what runs; outbound goes on for the application, which may be
finishing too, until neither has a connection left or the grace period is over.
"""

import asyncio
import logging
import sys
from contextlib import suppress

from linkerd_proxy.http.connections import Connections, Drainable
from linkerd_proxy.http.runtime import Runtime
from linkerd_proxy.inbound.accept import InboundAccept
from linkerd_proxy.inbound.access_log import AccessLogger, LineWriter
from linkerd_proxy.inbound.forward import Forward
from linkerd_proxy.inbound.policy import PolicyHolder
from linkerd_proxy.inbound.serve import Serve
from linkerd_proxy.outbound.accept import OutboundAccept
from linkerd_proxy.outbound.discover import Discover, Discovery, networks_filter
from linkerd_proxy.outbound.endpoint import EndpointFactory
from linkerd_proxy.outbound.protocol import ProtocolStage
from linkerd_proxy.overrides import Overrides
from linkerd_proxy.settings import AccessLog, Direction, Settings
from linkerd_proxy.telemetry.labels import hostname
from linkerd_proxy.transport.connect import Dialer
from linkerd_proxy.transport.listen import Listener, bind
from linkerd_rules.policy import default_document
from linkerd_runtime.settings import Addr

log = logging.getLogger(__name__)


class DataPath:
    """`policy` takes the updates of the workload's own policy."""

    def __init__(self, runtime: Runtime, settings: Settings, overrides: Overrides, discovery: Discovery) -> None:
        self._runtime = runtime
        self._settings = settings
        self._overrides = overrides
        if settings.outbound.metrics_hostname_labels:
            runtime.route_hostname = hostname
        inbound = settings.inbound
        self.policy = PolicyHolder(
            default_document(
                inbound.default_policy.value,
                [str(network) for network in settings.destination.networks],
                inbound.base.detect_timeout_ms,
                inbound.disable_detection_ports,
                inbound.require_identity_ports,
            )
        )
        self._forward = Forward(runtime, inbound, self._inbound_dialer())
        self._access_log: LineWriter | None = None
        if settings.access_log is not AccessLog.off:
            self._access_log = LineWriter(sys.stderr, runtime.metrics.access_log_dropped.labels())
            logger = AccessLogger(settings.access_log, runtime.turn, self._access_log.put)
            runtime.hooks.add(logger.hook, outbound=False)
        self._discover = self._make_discover(discovery)
        self._inbound_connections = Connections()
        self._outbound_connections = Connections()
        self._inbound: list[Listener] = []
        self._outbound: list[Listener] = []

    @property
    def inbound_addr(self) -> Addr:
        """Where it listens; with port 0 the kernel chose."""
        return self._inbound[0].addr

    @property
    def outbound_addr(self) -> Addr:
        """Where it listens; with port 0 the kernel chose."""
        return self._outbound[0].addr

    @property
    def connections(self) -> int:
        """Accepted ones that are open and whose protocol is known."""
        return len(self._inbound_connections) + len(self._outbound_connections)

    def open_connections(self) -> list[Drainable]:
        """Those of `connections`."""
        return [*self._inbound_connections, *self._outbound_connections]

    def listen(self, *, reuse_port: bool = False) -> None:
        """Open the listeners. Raises OSError."""
        runtime, settings, overrides = self._runtime, self._settings, self._overrides
        serve = Serve(runtime, settings.inbound, self.policy, self._forward, self._inbound_connections)
        inbound = InboundAccept(runtime, settings.inbound, self.policy, serve, overrides.inbound)
        stage = ProtocolStage(runtime, settings.outbound, self._outbound_dialer(), self._outbound_connections)
        outbound = OutboundAccept(runtime, settings.outbound, self._discover, stage, overrides.outbound)
        for addr in settings.inbound.base.listen_addrs:
            self._inbound.append(Listener(runtime.loop, bind(addr, reuse_port=reuse_port), inbound))
        for addr in settings.outbound.base.listen_addrs:
            self._outbound.append(Listener(runtime.loop, bind(addr, reuse_port=reuse_port), outbound))

    async def drain(self, grace_seconds: float) -> None:
        """Until all connections have ended, by force after the grace period."""
        for listener in self._inbound:
            listener.close()
        empty = asyncio.Event()

        def check() -> None:
            if not self.connections:
                empty.set()

        log.info("draining: %d connections", self.connections)
        self._inbound_connections.drain(check)
        self._outbound_connections.drain(check)
        with suppress(TimeoutError):
            async with asyncio.timeout(grace_seconds):
                await empty.wait()
        self._inbound_connections.kill()
        self._outbound_connections.kill()
        # One turn for what the ends of connections still write.
        await asyncio.sleep(0)

    def close(self) -> None:
        """Stop listening, and let go of all endpoints."""
        for listener in (*self._inbound, *self._outbound):
            listener.close()
        self._discover.close()
        self._forward.close()
        if self._access_log is not None:
            self._access_log.close()

    def _make_discover(self, discovery: Discovery) -> Discover:
        settings = self._settings
        own = settings.inbound.ips if self._overrides.outbound is None else frozenset[str]()
        return Discover(
            EndpointFactory(self._runtime, settings.outbound, self._outbound_dialer(), own),
            discovery,
            networks_filter(settings.destination.networks),
            settings.outbound.base.discovery_idle_ms / 1000,
        )

    def _inbound_dialer(self) -> Dialer:
        base = self._settings.inbound.base
        return self._dialer(base, refuse_port=base.listen_addrs[0].port if self._overrides.inbound is None else 0)

    def _outbound_dialer(self) -> Dialer:
        return self._dialer(self._settings.outbound.base, refuse_loopback=self._overrides.outbound is None)

    def _dialer(self, base: Direction, *, refuse_loopback: bool = False, refuse_port: int = 0) -> Dialer:
        return Dialer(
            self._runtime.loop,
            base.connect_timeout_ms / 1000,
            base.connect_keepalive_ms,
            base.connect_user_timeout_ms,
            refuse_loopback,
            refuse_port,
        )
