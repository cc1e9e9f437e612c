"""How this process connects: without a thread, and with SO_MARK where packet filters cannot tell it by its user.

An event loop with a `sock_connect` of its own, which is how everything here connects: both directions of the data path,
and aiohttp's connections to identity and destination. So no caller can forget it. A mark needs CAP_NET_ADMIN.
"""

import asyncio
import errno
import os
import socket
from collections.abc import Callable

import uvloop

NAME = "LINKERD2_PROXY_SOCKET_MARK"


class MarkRefused(OSError):
    """The kernel does not let this process mark its sockets."""


def mark_socket(sock: socket.socket, mark: int) -> None:
    """Set SO_MARK. Raises MarkRefused."""
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, mark)
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise MarkRefused(f"{NAME}={mark}: cannot set SO_MARK: {reason} (CAP_NET_ADMIN is needed)") from error


def check(mark: int) -> None:
    """Try it on a socket that goes nowhere, so that a refusal is known at start. Raises MarkRefused."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as sock:
        mark_socket(sock, mark)


class Loop(uvloop.Loop):  # type: ignore[misc]  # compiled: its type is Any
    """uvloop whose outgoing connections carry a mark, unless it is 0."""

    def __init__(self, mark: int) -> None:
        super().__init__()
        self._mark = mark

    async def sock_connect(self, sock: socket.socket, address: tuple[str, int]) -> None:
        """Mark, then connect. Raises MarkRefused, OSError."""
        if self._mark:
            mark_socket(sock, self._mark)
        if not _is_numeric(address[0]):
            await super().sock_connect(sock, address)
            return
        # uvloop resolves addresses too, in a thread: two switches of context for each connection.
        error = sock.connect_ex(address)
        if error == errno.EINPROGRESS:
            await self._writable(sock)
            error = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if error:
            raise OSError(error, os.strerror(error))

    async def _writable(self, sock: socket.socket) -> None:
        writable: asyncio.Future[None] = self.create_future()
        self.add_writer(sock.fileno(), _done, writable)
        try:
            await writable
        finally:
            self.remove_writer(sock.fileno())


def _is_numeric(host: str) -> bool:
    try:
        socket.inet_pton(socket.AF_INET6 if ":" in host else socket.AF_INET, host)
    except OSError:
        return False
    return True


def _done(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


def loop_factory(mark: int) -> Callable[[], asyncio.AbstractEventLoop]:
    """Loops of this process; 0 is no mark."""
    return lambda: Loop(mark)
