"""Opaque TCP: bytes both ways, half-closes passed on, nothing parsed, nothing copied beyond read and write.

Each end pauses the other one's reading while its write buffer is full, so memory stays bounded. What the client says
before the server is connected waits here, and reading from it is paused meanwhile.
"""

import asyncio
from collections.abc import Callable
from typing import Final, Protocol, cast

from linkerd_proxy.transport.buffers import PLAIN
from linkerd_proxy.transport.flow import HIGH_WATER, LOW_WATER, reset
from linkerd_proxy.transport.tls_stream import TlsStream


class ByteCount(Protocol):
    """A counter of bytes, as telemetry's counters."""

    value: float


def _nothing(_error: Exception | None) -> None:
    pass


class End(asyncio.BufferedProtocol):
    """One of the two connections of a relay."""

    __slots__ = ("_copies", "_lost", "_on_lost", "_pending", "_read", "_said_eof", "_transport", "_written", "peer")

    def __init__(self, read: ByteCount, written: ByteCount, on_lost: Callable[[Exception | None], None]) -> None:
        self._read = read
        self._written = written
        self._on_lost = on_lost
        self._transport: asyncio.Transport | None = None
        self._pending: list[bytes] = []
        self._said_eof = False
        self._lost = False
        self._copies = False
        self.peer: End = self

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports have the interface of asyncio.Transport, not its class.
        stream = self._transport = cast("asyncio.Transport", transport)
        stream.set_write_buffer_limits(HIGH_WATER, LOW_WATER)
        self._copies = isinstance(stream, TlsStream)
        if self.peer._lost:
            stream.close()
            return
        for data in self.peer._pending:
            self._written.value += len(data)
            stream.write(data)
        self.peer._pending.clear()
        if self.peer._said_eof:
            stream.write_eof()
        elif self.peer._transport is not None:
            self.peer._transport.resume_reading()

    def get_buffer(self, sizehint: int) -> memoryview:
        return PLAIN

    def buffer_updated(self, nbytes: int) -> None:
        self._forward(PLAIN[:nbytes])

    def data_received(self, data: bytes) -> None:
        """What was read before the relay began."""
        self._forward(data)

    def _forward(self, data: bytes | memoryview) -> None:
        self._read.value += len(data)
        peer = self.peer
        transport = peer._transport
        if transport is None:
            self._pending.append(bytes(data))
            if self._transport is not None:
                self._transport.pause_reading()
            return
        peer._written.value += len(data)
        # TLS takes what it is given at once; the event loop's transports keep what the socket does not take.
        transport.write(data if peer._copies else bytes(data))

    def eof_received(self) -> bool:
        self._said_eof = True
        peer = self.peer
        if peer._said_eof:
            # Both directions have ended: closing flushes what is still buffered.
            if peer._transport is not None:
                peer._transport.close()
            return False
        if peer._transport is not None and not peer._transport.is_closing():
            peer._transport.write_eof()
        return True

    def connection_lost(self, error: Exception | None) -> None:
        self._lost = True
        transport = self.peer._transport
        if transport is not None and not transport.is_closing():
            # A reset is passed on as one: the other side must not take what it got for the whole.
            reset(transport) if error is not None else transport.close()
        on_lost, self._on_lost = self._on_lost, _nothing
        on_lost(error)
        self._part()

    def never(self) -> None:
        """It will not be connected: what its peer had to say goes nowhere."""
        self._lost = True
        self._part()

    def _part(self) -> None:
        """Once both ends are gone they let go of each other: the collector comes seldom, and they hold buffers."""
        peer = self.peer
        if peer._lost:
            for end in (self, peer):
                end.peer = _GONE
                end._transport = None
                end._on_lost = _nothing
                end._pending.clear()

    def pause_writing(self) -> None:
        if self.peer._transport is not None:
            self.peer._transport.pause_reading()

    def resume_writing(self) -> None:
        if self.peer._transport is not None and not self.peer._transport.is_closing():
            self.peer._transport.resume_reading()

    def abort(self) -> None:
        """Close at once, both ends."""
        for end in (self, self.peer):
            if end._transport is not None:
                reset(end._transport)

    def close(self) -> None:
        """Close this end after what is buffered was written."""
        if self._transport is not None:
            self._transport.close()


class _Uncounted:
    value = 0.0


_GONE: Final = End(_Uncounted(), _Uncounted(), _nothing)
"""The peer of ends that have parted."""


def pair(client: End, server: End) -> None:
    """Make two ends each other's peers, before either is connected."""
    client.peer, server.peer = server, client
