"""Connections that iptables redirected to us from outside: which port they want, and that it is not our own."""

import asyncio
import logging
import socket

from linkerd_proxy.addrs import ClientAddr, OrigDst
from linkerd_proxy.http.runtime import Runtime
from linkerd_proxy.inbound.detect import Detection
from linkerd_proxy.inbound.policy import PolicyHolder
from linkerd_proxy.inbound.serve import Serve
from linkerd_proxy.settings import Inbound
from linkerd_proxy.transport import listen
from linkerd_proxy.transport.orig_dst import local_addr, original_dst
from linkerd_runtime.settings import Addr

log = logging.getLogger(__name__)


class InboundAccept:
    """The first stage of the inbound side."""

    def __init__(
        self, runtime: Runtime, settings: Inbound, holder: PolicyHolder, serve: Serve, override: Addr | None = None
    ) -> None:
        """`override` stands in for every connection's original destination where there is no iptables."""
        self._runtime = runtime
        self._settings = settings
        self._holder = holder
        self._serve = serve
        self._override = override

    def __call__(self, sock: socket.socket, client: ClientAddr) -> None:
        """Take one accepted socket over."""
        base = self._settings.base
        listen.tune(sock, base.accept_keepalive_ms, base.accept_user_timeout_ms)
        dst = self._destination(sock, client)
        if dst is None:
            sock.close()
            return
        rules = self._holder.current.port(dst.port)
        first = Detection(self._runtime, self._serve, client, dst, rules).first()
        self._runtime.tasks.spawn(self._begin(sock, first))

    async def _begin(self, sock: socket.socket, first: asyncio.Protocol) -> None:
        try:
            await self._runtime.loop.connect_accepted_socket(lambda: first, sock)
        except OSError:
            sock.close()

    def _destination(self, sock: socket.socket, client: ClientAddr) -> OrigDst | None:
        if self._override is not None:
            return OrigDst(self._override)
        dst = original_dst(sock, client.host)
        if dst is None or dst == local_addr(sock):
            log.warning("connection from %s straight to the inbound port: refused", client)
            return None
        if self._settings.ips and dst.host not in self._settings.ips:
            log.warning("connection from %s to %s, which is not an address of this pod: refused", client, dst)
            return None
        return dst
