"""SO_MARK on every connection that this process makes, for where packet filters cannot tell it by its user.

An event loop that marks sockets in `sock_connect`, which is how everything here connects: both directions of the data
path, and aiohttp's connections to identity and destination. So no caller can forget it. Needs CAP_NET_ADMIN.
"""

import asyncio
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


class MarkingLoop(uvloop.Loop):  # type: ignore[misc]  # compiled: its type is Any
    """uvloop whose outgoing connections carry a mark."""

    def __init__(self, mark: int) -> None:
        super().__init__()
        self._mark = mark

    async def sock_connect(self, sock: socket.socket, address: tuple[str, int]) -> None:
        """Mark, then connect. Raises MarkRefused, OSError."""
        mark_socket(sock, self._mark)
        await super().sock_connect(sock, address)


def loop_factory(mark: int) -> Callable[[], asyncio.AbstractEventLoop]:
    """Loops of this process; 0 is no mark."""

    def make() -> asyncio.AbstractEventLoop:
        loop: asyncio.AbstractEventLoop = MarkingLoop(mark) if mark else uvloop.new_event_loop()
        return loop

    return make
