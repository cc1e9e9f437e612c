"""What HTTP/2 servers and clients have in common: the codec on a transport, output per turn, keep-alive.

The codec keeps what does not fit the peer's windows; the transport keeps what does not fit the socket. In both cases
the bytes are not reported as consumed until they have gone on, so the sender's window stays shut: memory is bounded by
the windows that we gave out.
"""

import asyncio
from collections.abc import Callable
from typing import Final, cast

from linkerd_proxy.codec.h2.connection import H2Connection
from linkerd_proxy.codec.h2.errors import H2Error
from linkerd_proxy.codec.h2.settings import H2Settings
from linkerd_proxy.codec.h2.stream import H2Stream
from linkerd_proxy.codec.headers import Headers
from linkerd_proxy.http.exchange import Exchange
from linkerd_proxy.telemetry.metrics import TcpSeries
from linkerd_proxy.transport.flow import HIGH_WATER, LOW_WATER, errno_name, write_pieces
from linkerd_proxy.transport.turn import Turn
from linkerd_proxy.transport.wheel import Timer, Wheel

_PING: Final = b"l5d-ping"


class KeepAlive:
    """A PING after `interval` seconds without a byte; the connection is lost after `timeout` more without an answer."""

    __slots__ = ("_connection", "_interval", "_seen", "_timeout", "_timer", "_waiting", "_wheel")

    def __init__(self, connection: "H2Shell", wheel: Wheel, interval: float, timeout: float) -> None:
        self._connection = connection
        self._wheel = wheel
        self._interval = interval
        self._timeout = timeout
        self._seen = -1.0
        self._waiting = False
        self._timer: Timer = wheel.after(interval, self._due)

    def stop(self) -> None:
        """No more."""
        self._timer.cancel()

    def _due(self) -> None:
        connection = self._connection
        if connection.last_read != self._seen:
            self._seen = connection.last_read
            self._waiting = False
            self._timer = self._wheel.after(self._interval, self._due)
        elif self._waiting:
            connection.kill()
        else:
            self._waiting = True
            connection.codec.ping(_PING)
            self._timer = self._wheel.after(self._timeout, self._due)


def _nothing() -> None:
    pass


class H2Wire(asyncio.Protocol):
    """The connection as the event loop sees it: the codec's handler has a `data_received` of its own."""

    __slots__ = ("_shell",)

    def __init__(self, shell: "H2Shell") -> None:
        self._shell = shell

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._shell.connected(cast("asyncio.Transport", transport))

    def data_received(self, data: bytes) -> None:
        shell = self._shell
        shell.last_read = now = shell.turn.read()
        if now > shell.next_tick:
            shell.next_tick = now + 1
            shell.codec.tick(now)
        shell.tcp.read.value += len(data)
        shell.codec.receive(data)

    def connection_lost(self, error: Exception | None) -> None:
        self._shell.lost(error)

    def pause_writing(self) -> None:
        self._shell.paused = True

    def resume_writing(self) -> None:
        self._shell.resumed()


class H2Shell:
    """One HTTP/2 connection. Subclasses are the codec's handler; `wire` is the protocol for the transport."""

    client = False

    def __init__(self, turn: Turn, tcp: TcpSeries, settings: H2Settings) -> None:
        self.turn = turn
        self.tcp = tcp
        self.wire = H2Wire(self)
        self.transport: asyncio.Transport | None = None
        self.codec = H2Connection(self, client=self.client, settings=settings, wake=self.wake)
        self.last_read = turn.now
        self.next_tick = 0.0
        self.paused = False
        self.closed = False
        self.keep_alive: KeepAlive | None = None
        self.on_closed: Callable[[], None] = _nothing
        self.on_bad_request: Callable[[], None] = _nothing
        """The peer broke the connection's rules."""
        self._stalled: list[Exchange] = []

    # The transport.

    def connected(self, transport: asyncio.Transport) -> None:
        """The transport is there, and TLS, if any, stands."""
        self.transport = transport
        transport.set_write_buffer_limits(HIGH_WATER, LOW_WATER)
        self.tcp.connected()
        self.flush()

    def lost(self, error: Exception | None) -> None:
        """The transport is gone."""
        if self.closed:
            return
        self.closed = True
        if self.transport is not None:
            self.tcp.closed(errno_name(error))
        if self.keep_alive is not None:
            self.keep_alive.stop()
        on_closed, self.on_closed = self.on_closed, _nothing
        on_closed()
        self.ended(error)
        # Streams that had ended are not the codec's any more, and may have something held.
        self.resumed()
        # The transport holds TLS's buffers, and lives as long as this, which only the collector frees.
        self.transport = None

    def resumed(self) -> None:
        """The transport has room again."""
        self.paused = False
        stalled, self._stalled = self._stalled, []
        for x in stalled:
            self.release(x)

    # Output.

    def wake(self) -> None:
        """The codec has output."""
        self.turn.mark(self)

    def flush(self) -> None:
        """Write what the codec has put out."""
        out = self.codec.out
        transport = self.transport
        if not out or transport is None or self.closed:
            return
        self.codec.bulk = 0
        self.tcp.written.value += write_pieces(transport, out)

    def stall(self, x: Exchange) -> None:
        """The write buffer is full: `release` follows for this exchange when it is not."""
        self._stalled.append(x)

    def close(self) -> None:
        """Close when what is buffered was written."""
        if self.transport is not None and not self.closed:
            self.flush()
            self.transport.close()

    def kill(self) -> None:
        """Close at once."""
        if self.transport is not None:
            self.transport.abort()

    # For subclasses.

    def release(self, x: Exchange) -> None:
        """Report what was held back of an exchange, where its way is free."""
        raise NotImplementedError

    def ended(self, error: Exception | None) -> None:
        """The connection is gone."""
        raise NotImplementedError

    # The codec's handler.

    def headers_received(self, stream: H2Stream, headers: Headers, end: bool) -> None:
        """A head."""
        raise NotImplementedError

    def data_received(self, stream: H2Stream, data: bytes, end: bool) -> None:
        """Some of a body."""
        raise NotImplementedError

    def trailers_received(self, stream: H2Stream, headers: Headers) -> None:
        """The end of a message, with trailers."""
        raise NotImplementedError

    def reset_received(self, stream: H2Stream, code: int) -> None:
        """The stream is gone."""
        raise NotImplementedError

    def drained(self, stream: H2Stream) -> None:
        x: Exchange | None = stream.user
        if x is None:
            return
        if self.paused:
            self.stall(x)
        else:
            self.release(x)

    def bulk_due(self) -> None:
        self.flush()

    def settings_received(self) -> None:
        pass

    def ping_acknowledged(self, data: bytes) -> None:
        pass

    def goaway_received(self, last_stream: int, code: int) -> None:
        pass

    def connection_failed(self, error: H2Error) -> None:
        """The peer broke the protocol: the codec's GOAWAY goes out, then the connection is closed."""
        self.on_bad_request()
        self.close()
