"""The HTTP/1 client: one exchange at a time on a connection to an endpoint."""

import asyncio
from typing import TYPE_CHECKING, cast

from linkerd_proxy.codec.h1 import writer
from linkerd_proxy.codec.h1.errors import H1Error
from linkerd_proxy.codec.h1.head import ResponseHead
from linkerd_proxy.codec.h1.reader import ResponseReader
from linkerd_proxy.codec.headers import Headers, find, without
from linkerd_proxy.errors import BadResponse, ConnectionLost, ProxyError
from linkerd_proxy.http import h1
from linkerd_proxy.http.exchange import (
    CONNECT,
    FIRST_DATA,
    GRPC,
    IDEMPOTENT,
    REQUEST_ENDED,
    RESPONSE_ENDED,
    RESPONSE_STARTED,
    Exchange,
)
from linkerd_proxy.http.upgrade import splice
from linkerd_proxy.telemetry.metrics import TcpSeries
from linkerd_proxy.transport.flow import BULK, HIGH_WATER, LOW_WATER, Pieces, errno_name, write_pieces
from linkerd_proxy.transport.turn import Turn

if TYPE_CHECKING:
    from linkerd_proxy.http.pool import H1Pool

READ_AHEAD = 65_536

_LENGTH = frozenset((b"content-length",))


class H1Client(asyncio.Protocol):
    """One connection to an endpoint."""

    def __init__(self, turn: Turn, tcp: TcpSeries, pool: "H1Pool") -> None:
        self.turn = turn
        self.tcp = tcp
        self.pool = pool
        self.transport: asyncio.Transport
        self.reader = ResponseReader(self)
        self.closed = False
        self.idle_since = 0.0
        self._out: Pieces = []
        self._bulk = 0
        self._x: Exchange | None = None
        self._fields: Headers = []
        self._reused = False
        self._bodiless = False
        """The current request is its head and nothing more."""
        self._fresh = True
        """No byte of the current response has come."""
        self._chunked = False
        self._paused = False
        self._owed = 0
        self._reading = True
        self._keep = True
        self._head: Headers | None = None
        self._tail = b""

    # asyncio.Protocol.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.transport.set_write_buffer_limits(HIGH_WATER, LOW_WATER)
        self.tcp.connected()

    def data_received(self, data: bytes) -> None:
        self.turn.read()
        self.tcp.read.value += len(data)
        self._fresh = False
        self.reader.feed(data)
        if self._head is not None or self._tail:
            self._pass_on(end=False)
        if self._owed > READ_AHEAD and self._reading and not self.closed:
            self._reading = False
            self.transport.pause_reading()

    def eof_received(self) -> bool:
        if not self._fresh:
            self.reader.feed_eof()
        return False

    def connection_lost(self, error: Exception | None) -> None:
        if self.closed:
            return
        self.closed = True
        self.tcp.closed(errno_name(error))
        self.pool.gone(self)
        if error is None and not self._fresh:
            self.reader.feed_eof()
        self.reader.release()
        x, self._x = self._x, None
        if x is None:
            return
        if self._reused and self._fresh and self._bodiless and x.head.method in IDEMPOTENT:
            # The endpoint closed an idle connection at the moment of its reuse: no request was lost but this one,
            # whose head is all of it (RFC 9110 section 9.2.2).
            self.pool.send_fresh(x, self._fields)
            return
        x.fail(ConnectionLost())

    def pause_writing(self) -> None:
        self._paused = True

    def resume_writing(self) -> None:
        self._paused = False
        x = self._x
        if x is not None and x.up_held:
            held, x.up_held = x.up_held, 0
            x.down.consumed(x, held)

    # Up.

    def open(self, x: Exchange, fields: Headers) -> None:
        """Send a request with this head, and what has come of its body."""
        self._x = x
        self._fields = fields
        self._fresh = True
        x.up = self
        ended = self._bodiless = x.flags & REQUEST_ENDED != 0 and x.waiting is None
        self._chunked = not ended and not x.head.upgrade and not h1.has_length(fields)
        self.reader.expect(x.head.method)
        self._write(h1.request_head(x.head, fields, self._chunked))
        waiting = x.waiting
        if waiting is None:
            return
        x.waiting = None
        for part in waiting:
            if isinstance(part, bytes):
                self.send(x, part, False)
            else:
                self.trailers(x, part)
                return
        if x.flags & REQUEST_ENDED:
            self.send(x, b"", True)

    def send(self, x: Exchange, data: bytes, end: bool) -> None:
        if x is not self._x:
            x.down.consumed(x, len(data))
            return
        if data:
            x.cell.request_frames.observe(len(data))
            self._write(writer.chunk(data) if self._chunked else data)
            self._bulk += len(data)
            if self._bulk >= BULK:
                self.flush()
        if end and self._chunked:
            self._write(writer.LAST_CHUNK)
        if self._paused:
            x.up_held += len(data)
        else:
            x.down.consumed(x, len(data))
        if end and x.flags & RESPONSE_ENDED:
            self._done()

    def trailers(self, x: Exchange, trailers: Headers) -> None:
        if x is self._x:
            if self._chunked:
                self._write(writer.last_chunk(trailers))
            if x.flags & RESPONSE_ENDED:
                self._done()

    def cancel(self, x: Exchange) -> None:
        if x is self._x:
            self._x = None
            self.abort_connection()

    def consumed(self, x: Exchange, count: int) -> None:
        self._owed -= count
        if not self._reading and self._owed <= READ_AHEAD // 2:
            self._reading = True
            if not self.closed:
                self.transport.resume_reading()

    # The reader's handler.

    def head_received(self, head: ResponseHead) -> None:
        x = self._x
        if x is None:
            return
        fields = h1.response(head)
        if head.status < 200 and head.status != 101:
            x.down.inform(x, fields)
            return
        self._keep = head.keep_alive and not x.head.one_off
        x.status = fields[0][1]
        x.flags |= RESPONSE_STARTED
        if x.flags & GRPC:
            x.grpc_status = find(fields, b"grpc-status")
        if head.status == 101 or (x.flags & CONNECT and head.status < 300):
            if not x.head.upgrade:
                self._x = None
                x.fail(BadResponse("101 without an upgrade"))
                self.abort_connection()
                return
            # After a 2xx to CONNECT there is no message, so a length has no meaning (RFC 9110 section 9.3.6).
            x.down.respond(x, x.observer.response_head(x, without(fields, _LENGTH)), False)
            splice(x, self)
            return
        # Held for the first body bytes: what ends with the head is sent as one.
        self._head = x.observer.response_head(x, fields)

    def body_received(self, data: bytes) -> None:
        if self._x is None:
            return
        if self._tail:
            self._pass_on(end=False)
        self._tail = data

    def message_complete(self, trailers: Headers) -> None:
        x = self._x
        if x is None:
            return
        if trailers:
            self._pass_on(end=False)
            x.flags |= RESPONSE_ENDED
            self._first_data(x)
            x.observer.response_end(x, trailers)
            x.down.trailers(x, trailers)
        else:
            self._pass_on(end=True)
        if x.flags & REQUEST_ENDED:
            self._done()
        else:
            # The endpoint did not wait for the request's end, so the connection is in no known state after it.
            self._keep = False

    def message_failed(self, error: H1Error) -> None:
        x, self._x = self._x, None
        if x is not None:
            self._head, self._tail = None, b""
            x.fail(BadResponse(f"invalid response: {error}"))
        self.abort_connection()

    # Ends.

    def close(self) -> None:
        """Close when idle."""
        if not self.closed:
            self.transport.close()

    def abort_connection(self) -> None:
        """Close at once."""
        if not self.closed:
            self.transport.abort()

    def take_over(self) -> tuple[asyncio.Transport, bytes]:
        """For an upgrade: the transport, and what the endpoint has sent beyond its head."""
        self.flush()
        self.closed = True
        self._x = None
        self.pool.gone(self)
        rest = self.reader.take_rest()
        self.reader.release()
        return self.transport, rest

    def flush(self) -> None:
        """Write what is due."""
        out = self._out
        self._bulk = 0
        if not out or self.closed:
            return
        self.tcp.written.value += write_pieces(self.transport, out)

    def _write(self, data: bytes) -> None:
        out = self._out
        if not out:
            self.turn.mark(self)
        out.append(data)

    def _pass_on(self, end: bool) -> None:
        """The head and the body bytes that were held."""
        x = self._x
        head, self._head = self._head, None
        tail, self._tail = self._tail, b""
        if x is None:
            return
        if tail:
            x.cell.response_frames.observe(len(tail))
        if tail or end:
            self._first_data(x)
        if end:
            x.flags |= RESPONSE_ENDED
            x.observer.response_end(x, None)
        if head is not None:
            whole = end and not tail
            x.down.respond(x, head, whole)
            if whole:
                return
        self._owed += len(tail)
        x.down.send(x, tail, end)

    def _first_data(self, x: Exchange) -> None:
        if not x.flags & FIRST_DATA:
            x.flags |= FIRST_DATA
            x.observer.first_data(x)

    def _done(self) -> None:
        """Request and response are complete."""
        self._x = None
        self._owed = 0
        if self._keep and not self.closed:
            self._reused = True
            if not self._reading:
                self._reading = True
                self.transport.resume_reading()
            self.pool.idle(self)
        else:
            self.flush()
            self.close()


__all__ = ["H1Client", "ProxyError"]
