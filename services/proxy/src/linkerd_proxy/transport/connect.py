"""Connecting: TCP, then TLS with the identity that discovery promised, within one timeout.

The protocol gets connection_made when all of it stands, in the same callback as the end of the handshake: what the
server sends with it is not lost.
"""

import asyncio
import logging
import os
import socket
import ssl
from dataclasses import dataclass

from linkerd_proxy.addrs import ServerAddr, is_loopback
from linkerd_proxy.errors import ConnectFailed, ConnectTimeout
from linkerd_proxy.transport import listen
from linkerd_proxy.transport.tls import peer_names
from linkerd_proxy.transport.tls_stream import TlsStream
from linkerd_proxy.transport.turn import Turn

log = logging.getLogger(__name__)


GRACE_SECONDS = 0.01
"""One turn of the loop, to see what has come."""


@dataclass(frozen=True, slots=True)
class ClientTls:
    """TLS towards an endpoint: `identity` is sent as SNI, and the server's certificate must carry it."""

    context: ssl.SSLContext
    identity: str
    turn: Turn


@dataclass(frozen=True, slots=True)
class Dialer:
    """How one direction connects, and where it must not: that would be a loop through this proxy."""

    loop: asyncio.AbstractEventLoop
    timeout: float
    """Seconds for TCP and TLS together."""
    keepalive_ms: int = 0
    user_timeout_ms: int = 0
    refuse_loopback: bool = False
    refuse_port: int = 0

    async def connect(self, addr: ServerAddr, protocol: asyncio.BaseProtocol, tls: ClientTls | None = None) -> None:
        """Connect `protocol`. Raises ConnectFailed, ConnectTimeout."""
        self._guard(addr)
        try:
            async with asyncio.timeout(None) as limit:
                timer = self.loop.call_later(self.timeout, self._late, limit, self.loop.time() + self.timeout)
                try:
                    await self._connect(addr, protocol, tls)
                finally:
                    timer.cancel()
        except TimeoutError:
            raise ConnectTimeout(f"connect to {addr} timed out after {self.timeout:g}s") from None
        except (OSError, ssl.CertificateError) as error:
            raise ConnectFailed(f"connect to {addr} failed: {_reason(error)}") from error

    def _late(self, limit: asyncio.Timeout, due: float) -> None:
        """The time is over. As long as this loop itself came late (a pod that got no CPU), what came in time counts."""
        now = self.loop.time()
        limit.reschedule(now + max(GRACE_SECONDS, min(now - due, self.timeout)))

    def _guard(self, addr: ServerAddr) -> None:
        if self.refuse_loopback and is_loopback(addr.host):
            raise ConnectFailed(f"{addr} is a loopback address: outbound connections to it would loop")
        if self.refuse_port and addr.port == self.refuse_port:
            raise ConnectFailed(f"{addr} is this proxy's own inbound port: connections to it would loop")

    async def _connect(self, addr: ServerAddr, protocol: asyncio.BaseProtocol, tls: ClientTls | None) -> None:
        family = socket.AF_INET6 if ":" in addr.host else socket.AF_INET
        sock = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        try:
            listen.tune(sock, self.keepalive_ms, self.user_timeout_ms)
            await self.loop.sock_connect(sock, (addr.host, addr.port))
            made = protocol if tls is None else asyncio.Protocol()
            lower, _ = await self.loop.create_connection(lambda: made, sock=sock)
            if lower.is_closing():
                # It ended in connection_made, before uvloop had made a note of the socket object: the descriptor is
                # closed, or will be, and the object must not close whatever has that number by then.
                sock.detach()
        except BaseException:
            sock.close()
            raise
        if tls is not None:
            await _handshake(self.loop, lower, protocol, tls)


async def _handshake(
    loop: asyncio.AbstractEventLoop, lower: asyncio.Transport, protocol: asyncio.BaseProtocol, tls: ClientTls
) -> None:
    finished: asyncio.Future[None] = loop.create_future()

    def done(stream: TlsStream, error: Exception | None) -> None:
        if finished.done():  # timed out meanwhile
            stream.abort()
        elif error is not None:
            finished.set_exception(error)
        elif tls.identity not in (names := peer_names(stream.tls)):
            stream.abort()
            finished.set_exception(ConnectionError(f"the server is {', '.join(names)}, not {tls.identity}"))
        else:
            stream.set_protocol(protocol)
            protocol.connection_made(stream)
            finished.set_result(None)

    stream = TlsStream(lower, tls.context, tls.turn, done, tls.identity)
    stream.start()
    try:
        await finished
    except asyncio.CancelledError:
        stream.abort()
        raise


def _reason(error: Exception) -> str:
    if isinstance(error, ssl.SSLError):
        return f"TLS: {getattr(error, 'verify_message', '') or error.reason or error}"
    # The event loop's own texts hide the kernel's reason.
    return os.strerror(error.errno) if isinstance(error, OSError) and error.errno else str(error)
