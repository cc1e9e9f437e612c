"""What protocols and transports of the data path look like to each other, and where backpressure begins.

Bytes go one way and credit goes back: whoever took bytes from a connection says `consumed` when they are written
onwards, at once where the way is free, and otherwise when it is free again. The way is shut while the transport's
write buffer is above HIGH_WATER, until it is below LOW_WATER.
"""

import asyncio
import errno
import socket
import struct
from contextlib import suppress
from typing import Protocol

from linkerd_proxy.addrs import from_socket
from linkerd_runtime.settings import Addr

HIGH_WATER = 256 * 1024
LOW_WATER = 64 * 1024
_NO_LINGER = struct.pack("ii", 1, 0)

BULK = 131_072
"""Bytes of bodies that are written at once, while they are in the processor's cache; less waits for the turn's end."""
JOIN = 32_768
"""Bytes up to which pieces are joined: cheaper than a vector of them. More is not copied once again."""

PlainTransport = asyncio.Transport
Pieces = list[bytes | memoryview]


class StreamProtocol(Protocol):
    """What a transport calls. `eof_received` answers whether the write side stays open."""

    def data_received(self, data: bytes) -> None: ...
    def eof_received(self) -> bool | None: ...
    def connection_lost(self, error: Exception | None) -> None: ...
    def pause_writing(self) -> None: ...
    def resume_writing(self) -> None: ...


def write_pieces(transport: asyncio.Transport, pieces: Pieces) -> int:
    """Write what a connection has put out, and empty the list. How many bytes that were."""
    if len(pieces) == 1:
        data = pieces.pop()
        transport.write(data)
        return len(data)
    size = sum(map(len, pieces))
    if size <= JOIN:
        data = b"".join(pieces)
        pieces.clear()
        transport.write(data)
    else:
        several = pieces.copy()
        pieces.clear()
        transport.writelines(several)
    return size


def errno_name(error: Exception | None) -> str:
    """The errno label of a connection's end: a name such as ECONNRESET, empty for an orderly close."""
    if error is None:
        return ""
    number = error.errno if isinstance(error, OSError) else None
    return errno.errorcode.get(number, "UNKNOWN") if number else "UNKNOWN"


def peer(transport: asyncio.Transport) -> Addr | None:
    """Who is at the other end; None where the connection is lost."""
    name = transport.get_extra_info("peername")
    return from_socket(name) if name else None


def reset(transport: asyncio.Transport) -> None:
    """Close at once, with a TCP reset: the peer must not take what it got for the whole."""
    sock = transport.get_extra_info("socket")
    if sock is not None and not transport.is_closing():
        with suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
    transport.abort()
