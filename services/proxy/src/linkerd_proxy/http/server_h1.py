"""The HTTP/1 server: one exchange at a time; what a client sends ahead (pipelining) waits in the reader.

A response without a length is chunked for HTTP/1.1 clients and ends with the connection for HTTP/1.0 ones. The last
bytes of a body are held until it is known whether they end the request, so that a small request is one DATA frame.
"""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, cast

from linkerd_proxy.codec.h1 import writer
from linkerd_proxy.codec.h1.errors import H1Error
from linkerd_proxy.codec.h1.head import RequestHead as H1Head
from linkerd_proxy.codec.h1.reader import RequestReader
from linkerd_proxy.codec.headers import Headers
from linkerd_proxy.errors import LoadShed, ProxyError
from linkerd_proxy.http import h1
from linkerd_proxy.http.exchange import (
    CONNECT,
    HEAD,
    HTTP_10,
    REQUEST_ENDED,
    RESPONSE_ENDED,
    Exchange,
    OnFailure,
    Service,
    untold,
)
from linkerd_proxy.telemetry.metrics import TcpSeries
from linkerd_proxy.transport.flow import BULK, HIGH_WATER, LOW_WATER, Pieces, errno_name, peer, write_pieces
from linkerd_proxy.transport.turn import Turn
from linkerd_runtime.settings import Addr

if TYPE_CHECKING:
    from linkerd_proxy.http.runtime import Runtime

READ_AHEAD: Final = 65_536
"""Bytes of a request's body taken from the client and not yet written to the endpoint."""
LINGER_SECONDS: Final = 1.0
"""How long a connection is read on after its last response: closing at once would reset it under the client."""


def _nothing() -> None:
    pass


def _always() -> bool:
    return True


_BODILESS: Final = frozenset((b"204", b"304"))


class H1Server(asyncio.Protocol):
    """One connection of a client."""

    def __init__(self, runtime: "Runtime", tcp: TcpSeries, service: Service, *, emit_errors: bool) -> None:
        self.runtime = runtime
        self.turn: Turn = runtime.turn
        self.tcp = tcp
        self.service = service
        self.emit_errors = emit_errors
        self.transport: asyncio.Transport
        self.reader = RequestReader(self)
        self.closed = False
        self.on_closed: Callable[[], None] = _nothing
        self.on_failure: OnFailure = untold
        self.admit: Callable[[], bool] = _always
        """Whether one more request may go on (InFlight.admit)."""
        self.on_bad_request: Callable[[], None] = _nothing
        """The client sent what is not HTTP/1."""
        self._out: Pieces = []
        self._bulk = 0
        self._x: Exchange | None = None
        self._tail = b""
        self._owed = 0
        self._reading = True
        self._paused = False
        self._full = False
        """The exchange is over, and so much of its response waits to be written that the next one has to wait, too."""
        self._closing = False
        """No further request on this connection."""
        self._keep_alive = True
        self._chunked = False
        self._bodiless = False
        self._upgraded = False
        self._began = False

    @property
    def in_flight(self) -> int:
        return 0 if self._x is None else 1

    def drain(self) -> None:
        """Close after the response that is under way, or the first one of a connection that has yet to begin."""
        self._closing = True
        if self._x is None and self._began and not self.closed:
            self.transport.close()

    def kill(self) -> None:
        """Close at once."""
        if not self.closed:
            self.transport.abort()

    # asyncio.Protocol.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self._began = True
        self.transport.set_write_buffer_limits(HIGH_WATER, LOW_WATER)
        self.tcp.connected()

    def data_received(self, data: bytes) -> None:
        self.turn.read()
        self.tcp.read.value += len(data)
        self.reader.feed(data)
        if self._tail:
            self._send_tail(end=False)
        if (self._owed > READ_AHEAD or self.reader.buffered > READ_AHEAD) and self._reading and not self.closed:
            self._reading = False
            self.transport.pause_reading()

    def eof_received(self) -> bool:
        # A client that closed and one that half-closed look alike: the request is cancelled, as Linkerd (hyper) does.
        return False

    def connection_lost(self, error: Exception | None) -> None:
        if self.closed:
            return
        self.closed = True
        self.tcp.closed(errno_name(error))
        self._let_go()
        x, self._x = self._x, None
        if x is not None:
            x.gone()

    def _let_go(self) -> None:
        """Of who refers back to this: no cycle is left to the collector."""
        on_closed, self.on_closed = self.on_closed, _nothing
        on_closed()
        self.reader.release()

    def pause_writing(self) -> None:
        self._paused = True

    def resume_writing(self) -> None:
        self._paused = False
        x = self._x
        if x is not None:
            x.release_down()
            if self._full:
                self._full = False
                self._next()

    # The reader's handler.

    def head_received(self, head: H1Head) -> None:
        self.reader.pause()
        x = self._x = Exchange(self, None, h1.request(head), self.turn.now)
        self._keep_alive = head.keep_alive and not self._closing
        if not head.chunked and not head.content_length and not head.upgrade:
            x.flags |= REQUEST_ENDED
        if self.admit():
            self.service(x)
        else:
            x.fail(LoadShed())

    def body_received(self, data: bytes) -> None:
        if self._tail:
            self._send_tail(end=False)
        self._tail = data

    def message_complete(self, trailers: Headers) -> None:
        x = self._x
        if x is None or x.flags & REQUEST_ENDED or self._upgraded or x.head.upgrade:
            return
        x.sent = self.turn.now
        if trailers:
            if self._tail:
                self._send_tail(end=False)
            x.flags |= REQUEST_ENDED
            x.up.trailers(x, trailers)
        else:
            x.flags |= REQUEST_ENDED
            self._send_tail(end=True)
        if x.flags & RESPONSE_ENDED:
            self._next()

    def message_failed(self, error: H1Error) -> None:
        self.on_bad_request()
        x, self._x = self._x, None
        if x is not None:
            x.gone()
            self._closing = True
            self.flush()
            self.transport.close()
            return
        head: Headers = [h1.NO_BODY, h1.CLOSE]
        self._write(writer.response_head(error.status, error.version, head))
        self._linger()

    def _send_tail(self, end: bool) -> None:
        tail, self._tail = self._tail, b""
        x = self._x
        if x is not None:
            self._owed += len(tail)
            x.up.send(x, tail, end)

    # Down.

    def inform(self, x: Exchange, head: Headers) -> None:
        if x is self._x and x.head.version != HTTP_10:
            self._write(writer.response_head(int(head[0][1]), b"1.1", head[1:]))

    def respond(self, x: Exchange, head: Headers, end: bool) -> None:
        if x is not self._x:
            return
        status = head[0][1]
        fields = head[1:]
        old = x.head.version == HTTP_10
        if x.head.upgrade and (status == b"101" or (x.flags & CONNECT and status[0] == 0x32)):
            self._upgraded = True
            self._write(writer.response_head(int(status), b"1.1", fields))
            return
        self._bodiless = x.flags & HEAD != 0 or status in _BODILESS
        self._chunked = False
        if not self._bodiless and not h1.has_length(fields):
            if end:
                fields.append(h1.NO_BODY)
            elif old:
                self._keep_alive = False
            else:
                self._chunked = True
                fields.append(h1.CHUNKED)
        if x.head.upgrade:
            # Refused: there will be no body, and no switch.
            x.flags |= REQUEST_ENDED
            self._keep_alive = False
        if self._closing:
            self._keep_alive = False
        if not self._keep_alive:
            fields.append(h1.CLOSE)
        elif old:
            fields.append(h1.KEEP_ALIVE)
        self._write(writer.response_head(int(status), b"1.0" if old else b"1.1", fields))
        if end:
            self._responded(x)

    def send(self, x: Exchange, data: bytes, end: bool) -> None:
        if x is not self._x:
            x.up.consumed(x, len(data))
            return
        if data and not self._bodiless:
            if self._chunked:
                self._write(b"%x\r\n" % len(data))
                self._out += (data, b"\r\n")
            else:
                self._write(data)
            self._bulk += len(data)
            if self._bulk >= BULK:
                self.flush()
        if self._paused:
            x.down_held += len(data)
        else:
            x.up.consumed(x, len(data))
        if end:
            if self._chunked:
                self._write(writer.LAST_CHUNK)
            self._responded(x)

    def trailers(self, x: Exchange, trailers: Headers) -> None:
        if x is self._x:
            if self._chunked:
                self._write(writer.last_chunk(trailers))
            self._responded(x)

    def abort(self, x: Exchange, error: ProxyError) -> None:
        """Without its end, the client sees that the response is not complete."""
        if x is self._x:
            self._x = None
            self.flush()
            if not self.closed:
                self.transport.close()

    def consumed(self, x: Exchange, count: int) -> None:
        self._owed -= count
        if not self._reading and self._owed <= READ_AHEAD // 2:
            self._resume_reading()

    def close_after(self, x: Exchange) -> None:
        self._closing = True

    def source(self, x: Exchange) -> Addr | None:
        return peer(self.transport)

    def failure(self, x: Exchange, error: ProxyError) -> str:
        return self.on_failure(x, error)

    def flush(self) -> None:
        """Write what is due."""
        out = self._out
        self._bulk = 0
        if not out or self.closed:
            return
        self.tcp.written.value += write_pieces(self.transport, out)

    # Ends.

    def _write(self, data: bytes) -> None:
        out = self._out
        if not out:
            self.turn.mark(self)
        out.append(data)

    def _responded(self, x: Exchange) -> None:
        x.flags |= RESPONSE_ENDED
        if not self._keep_alive:
            self._x = None
            x.release_down()
            if x.flags & REQUEST_ENDED:
                self.flush()
                if not self.closed:
                    self.transport.close()
            else:
                x.gone()
                self._linger()
        elif x.flags & REQUEST_ENDED:
            self._next()

    def _next(self) -> None:
        """Both sides of the exchange have ended."""
        if self._paused and not self.closed:
            self._full = True
            return
        self._x = None
        self._owed = 0
        if self._closing:
            self.flush()
            if not self.closed:
                self.transport.close()
            return
        if not self._reading:
            self._resume_reading()
        self.reader.resume()

    def _resume_reading(self) -> None:
        self._reading = True
        if not self.closed and not self.transport.is_closing():
            self.transport.resume_reading()

    def _linger(self) -> None:
        """Say that nothing follows, and read on for a moment."""
        self._closing = True
        self.flush()
        if self.closed:
            return
        if self.transport.can_write_eof():
            self.transport.write_eof()
        transport = self.transport
        self.runtime.wheel.after(LINGER_SECONDS, transport.close)

    def take_over(self) -> tuple[asyncio.Transport, bytes]:
        """For an upgrade: the transport, and what the client has sent beyond its request."""
        self.flush()
        self.closed = True
        self._x = None
        rest = self.reader.take_rest()
        self.reader.release()
        return self.transport, rest
