"""Connections that iptables redirected to us: where they were going, and that it is not ourselves."""

import logging
import socket

from linkerd_proxy.addrs import ClientAddr, OrigDst
from linkerd_proxy.errors import DiscoveryFailed, Fault
from linkerd_proxy.http.runtime import Runtime
from linkerd_proxy.outbound.discover import Discover, OutboundTarget
from linkerd_proxy.outbound.protocol import ProtocolStage
from linkerd_proxy.settings import Outbound
from linkerd_proxy.transport import listen
from linkerd_proxy.transport.orig_dst import local_addr, original_dst
from linkerd_runtime.settings import Addr

log = logging.getLogger(__name__)


class OutboundAccept:
    """The first stage of the outbound side."""

    def __init__(
        self,
        runtime: Runtime,
        settings: Outbound,
        discover: Discover,
        protocol: ProtocolStage,
        override: Addr | None = None,
    ) -> None:
        """`override` stands in for every connection's original destination where there is no iptables."""
        self._runtime = runtime
        self._settings = settings.base
        self._discover = discover
        self._protocol = protocol
        self._override = override

    def __call__(self, sock: socket.socket, client: ClientAddr) -> None:
        """Take one accepted socket over."""
        base = self._settings
        listen.tune(sock, base.accept_keepalive_ms, base.accept_user_timeout_ms)
        addr = OrigDst(self._override) if self._override is not None else original_dst(sock, client.host)
        if addr is None or (self._override is None and addr == local_addr(sock)):
            # Nobody redirected it: proxying it to where it went would come back here.
            log.warning("connection from %s has no original destination", client)
            sock.close()
            return
        target = self._discover.acquire(addr)
        self._runtime.tasks.spawn(self._serve(sock, target))

    async def _serve(self, sock: socket.socket, target: OutboundTarget) -> None:
        try:
            if target.policy is None:
                await target.known()
            first = self._protocol.first(target)
            await self._runtime.loop.connect_accepted_socket(lambda: first, sock)
        except DiscoveryFailed as error:
            log.warning("%s: %s", Fault.mesh.value, error)
            self._runtime.metrics.outbound_errors.tcp.labels(error.label).value += 1
            sock.close()
            target.released()
        except BaseException:
            sock.close()
            target.released()
            raise
