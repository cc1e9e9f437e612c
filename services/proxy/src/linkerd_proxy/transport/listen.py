"""Listening sockets and the accept loop.

Raw sockets, so that the original destination can be asked for before a protocol begins, and so that several worker
processes can listen on one port (SO_REUSEPORT).
"""

import asyncio
import errno
import logging
import socket
from collections.abc import Callable

from linkerd_proxy.addrs import ClientAddr, from_socket
from linkerd_runtime.settings import Addr

log = logging.getLogger(__name__)

BACKLOG = 4096
_ACCEPTS_PER_TURN = 64
"""A storm of new connections must not starve the established ones."""
_RETRY_SECONDS = 0.1
_OUT_OF = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
TCP_USER_TIMEOUT = 18
"""Linux; not in the socket module of every Python 3.11."""

OnAccept = Callable[[socket.socket, ClientAddr], None]


def bind(addr: Addr, *, reuse_port: bool = False) -> socket.socket:
    """A listening, non-blocking socket; of [::] for both families, unlike asyncio's. Raises OSError that names it."""
    family = socket.AF_INET6 if ":" in addr.host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if reuse_port:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        sock.bind((addr.host, addr.port))
        sock.listen(BACKLOG)
    except OSError as error:
        sock.close()
        raise OSError(error.errno, f"cannot listen on {addr}: {error.strerror}") from error
    return sock


def tune(sock: socket.socket, keepalive_ms: int, user_timeout_ms: int) -> None:
    """Options of every connection: no Nagle; keep-alive probes and TCP_USER_TIMEOUT where they are not 0."""
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if keepalive_ms:
        seconds = max(1, keepalive_ms // 1000)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, seconds)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, seconds)
    if user_timeout_ms:
        sock.setsockopt(socket.IPPROTO_TCP, TCP_USER_TIMEOUT, user_timeout_ms)


class Listener:
    """Accepts on one socket until closed."""

    def __init__(self, loop: asyncio.AbstractEventLoop, sock: socket.socket, on_accept: OnAccept) -> None:
        self._loop = loop
        self._sock = sock
        self._on_accept = on_accept
        self._open = True
        self.addr = from_socket(sock.getsockname())
        loop.add_reader(sock.fileno(), self._ready)

    def close(self) -> None:
        """Stop accepting. What was accepted goes on."""
        if self._open:
            self._open = False
            self._loop.remove_reader(self._sock.fileno())
            self._sock.close()

    def _ready(self) -> None:
        for _ in range(_ACCEPTS_PER_TURN):
            try:
                sock, name = self._sock.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                if error.errno not in _OUT_OF:
                    raise
                # The queue stays readable: without a pause this would spin.
                log.error("cannot accept on %s: %s", self.addr, error.strerror)
                self._loop.remove_reader(self._sock.fileno())
                self._loop.call_later(_RETRY_SECONDS, self._again)
                return
            sock.setblocking(False)
            self._on_accept(sock, ClientAddr(from_socket(name)))
            if not self._open:
                return

    def _again(self) -> None:
        if self._open:
            self._loop.add_reader(self._sock.fileno(), self._ready)
