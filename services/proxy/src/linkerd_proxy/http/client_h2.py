"""The HTTP/2 client: exchanges become streams to an endpoint."""

import asyncio
from typing import TYPE_CHECKING

from linkerd_proxy.codec.h2 import errors
from linkerd_proxy.codec.h2.errors import H2Error
from linkerd_proxy.codec.h2.settings import H2Settings
from linkerd_proxy.codec.h2.stream import H2Stream
from linkerd_proxy.codec.headers import Headers, find
from linkerd_proxy.errors import ConnectionLost, DowngradedReset, ProxyError, StreamReset
from linkerd_proxy.http.exchange import (
    FIRST_DATA,
    GRPC,
    HTTP_2,
    IDEMPOTENT,
    REQUEST_ENDED,
    RESENDABLE,
    RESPONSE_ENDED,
    RESPONSE_STARTED,
    WAITING,
    Exchange,
)
from linkerd_proxy.http.h2 import H2Shell
from linkerd_proxy.telemetry.metrics import TcpSeries
from linkerd_proxy.transport.turn import Turn

if TYPE_CHECKING:
    from linkerd_proxy.http.pool import H2Pool

_INFORMATIONAL = 0x31  # "1"

RESETS_BURST = 200
RESETS_PER_SECOND = 20
YOUNG_SECONDS = 5.0
"""Less than half of what codec/h2/limits.py allows a client."""


class H2Client(H2Shell):
    """One connection to an endpoint."""

    client = True

    def __init__(self, turn: Turn, tcp: TcpSeries, settings: H2Settings, pool: "H2Pool") -> None:
        super().__init__(turn, tcp, settings)
        self.pool = pool
        self.going_away = False
        self._resets = 0.0
        """Theoretical arrival time of the next reset of a young stream (monotonic seconds)."""
        self.ready = False
        self.settled: asyncio.Future[None] = turn.loop.create_future()
        """Done when the endpoint's SETTINGS have come."""

    def open(self, x: Exchange, fields: Headers) -> None:
        """Send a request with this head, and what has come of its body."""
        codec = self.codec
        x.up_stream = stream = codec.open_stream(x)
        x.up = self
        waiting = x.waiting
        if waiting is None:
            ended = x.flags & REQUEST_ENDED != 0
            if ended:
                x.flags ^= RESENDABLE  # the second time it is not
            codec.send_headers(stream, fields, ended)
            return
        codec.send_headers(stream, fields, False)
        x.waiting = None
        for part in waiting:
            if isinstance(part, bytes):
                self.send(x, part, False)
            else:
                self.trailers(x, part)
                return
        if x.flags & REQUEST_ENDED:
            codec.send_data(stream, b"", True)

    # Up.

    def send(self, x: Exchange, data: bytes, end: bool) -> None:
        stream = x.up_stream
        if stream is None:
            x.down.consumed(x, len(data))
            return
        if data:
            x.cell.request_frames.observe(len(data))
        self.codec.send_data(stream, data, end)
        if stream.queued:
            x.up_held += len(data)
        elif self.paused:
            x.up_held += len(data)
            self.stall(x)
        else:
            x.down.consumed(x, len(data))
        if end and x.flags & RESPONSE_ENDED:
            self._part(x)

    def trailers(self, x: Exchange, trailers: Headers) -> None:
        if x.up_stream is not None:
            self.codec.send_headers(x.up_stream, trailers, True)
            if x.flags & RESPONSE_ENDED:
                self._part(x)

    def cancel(self, x: Exchange) -> None:
        stream = x.up_stream
        if stream is None:
            return
        wait = 0.0 if x.flags & RESPONSE_STARTED else self._patience(x)
        self._part(x)
        if not wait:
            self.codec.reset(stream, errors.CANCEL)
            return
        # What comes of it meanwhile is dropped; mostly that is all, and there is nothing left to reset.
        self.pool.after(wait, lambda: self.codec.reset(stream, errors.CANCEL))

    def _patience(self, x: Exchange) -> float:
        """Seconds until the reset of a young stream may be sent.

        One client that resets what it has just asked for (rapid reset) must not make us do the same to an endpoint,
        which would end the connection that all clients share: beyond a burst, such resets are spread over time (GCRA).
        """
        now = self.turn.now
        if now - x.started > YOUNG_SECONDS:
            return 0.0
        self._resets = max(self._resets, now) + 1 / RESETS_PER_SECOND
        return max(0.0, self._resets - now - RESETS_BURST / RESETS_PER_SECOND)

    def consumed(self, x: Exchange, count: int) -> None:
        if count and x.up_stream is not None:
            self.codec.consumed(x.up_stream, count)

    # The codec's handler.

    def headers_received(self, stream: H2Stream, headers: Headers, end: bool) -> None:
        x: Exchange | None = stream.user
        if x is None:
            return
        status = headers[0][1]
        if status[0] == _INFORMATIONAL:
            x.down.inform(x, headers)
            return
        x.status = status
        x.flags |= RESPONSE_STARTED
        if x.flags & GRPC:
            x.grpc_status = find(headers, b"grpc-status")
        observer = x.observer
        headers = observer.response_head(x, headers)
        if end:
            observer.first_data(x)
            observer.response_end(x, None)
            x.down.respond(x, headers, True)
            self._responded(x)
        else:
            x.down.respond(x, headers, False)

    def data_received(self, stream: H2Stream, data: bytes, end: bool) -> None:
        x: Exchange | None = stream.user
        if x is None:
            self.codec.consumed(stream, len(data))
            return
        if not x.flags & FIRST_DATA:
            x.flags |= FIRST_DATA
            x.observer.first_data(x)
        if data:
            x.cell.response_frames.observe(len(data))
        if end:
            x.observer.response_end(x, None)
            x.down.send(x, data, True)
            self._responded(x)
        else:
            x.down.send(x, data, False)

    def trailers_received(self, stream: H2Stream, headers: Headers) -> None:
        x: Exchange | None = stream.user
        if x is None:
            return
        if x.flags & GRPC and x.grpc_status is None:
            x.grpc_status = find(headers, b"grpc-status")
        if not x.flags & FIRST_DATA:
            x.flags |= FIRST_DATA
            x.observer.first_data(x)
        x.observer.response_end(x, headers)
        x.down.trailers(x, headers)
        self._responded(x)

    def reset_received(self, stream: H2Stream, code: int) -> None:
        x: Exchange | None = stream.user
        if x is None:
            return
        self._part(x)
        if code == errors.REFUSED_STREAM and self.going_away and x.flags & RESENDABLE and stream.sent is not None:
            # Above the last stream of the endpoint's GOAWAY: it was not looked at (RFC 9113 section 6.8).
            self._again(x, stream.sent)
        elif x.flags & RESPONSE_ENDED:
            # The endpoint has answered and does not want the rest of the request (RFC 9113 section 8.1).
            x.down.abort(x, StreamReset(code))
        else:
            x.fail(StreamReset(code) if x.head.version == HTTP_2 else DowngradedReset())

    def goaway_received(self, last_stream: int, code: int) -> None:
        self.going_away = True
        self.pool.leave(self)
        self._close_when_idle()

    def settings_received(self) -> None:
        self.ready = True
        if not self.settled.done():
            self.settled.set_result(None)
        elif self.pool.queue:
            self.pool.pump()

    def connection_failed(self, error: H2Error) -> None:
        self.pool.leave(self)
        super().connection_failed(error)

    def release(self, x: Exchange) -> None:
        stream = x.up_stream
        if stream is not None and stream.queued:
            return
        held, x.up_held = x.up_held, 0
        if held:
            x.down.consumed(x, held)

    def ended(self, error: Exception | None) -> None:
        if not self.settled.done():
            self.settled.set_exception(ConnectionLost("connection closed before HTTP/2 SETTINGS came"))
        self.pool.leave(self)
        self._fail_all(ConnectionLost())

    def retire(self) -> None:
        """No new streams; close when the last one has ended."""
        self.going_away = True
        self._close_when_idle()

    # Ends.

    def _fail_all(self, error: ProxyError) -> None:
        for stream in list(self.codec.streams.values()):
            x: Exchange | None = stream.user
            if x is None:
                continue
            self._part(x)
            # The connection was lost with no word about the request: it is sent again where twice does no harm.
            fresh = x.flags & (RESENDABLE | RESPONSE_STARTED) == RESENDABLE
            if fresh and x.head.method in IDEMPOTENT and stream.sent is not None:
                self._again(x, stream.sent)
            else:
                x.fail(error)

    def _again(self, x: Exchange, fields: Headers) -> None:
        x.up = WAITING
        self.pool.send(x, fields)

    def _responded(self, x: Exchange) -> None:
        x.flags |= RESPONSE_ENDED
        if x.flags & REQUEST_ENDED and not x.up_held:
            self._part(x)

    def _part(self, x: Exchange) -> None:
        stream = x.up_stream
        if stream is not None:
            stream.user = None
            if not x.down_held:
                x.up_stream = None
                if stream.held:
                    self.codec.let_go(stream)
        if self.going_away:
            self._close_when_idle()
        elif self.pool.queue:
            self.pool.pump()

    def _close_when_idle(self) -> None:
        if not self.codec.active:
            self.close()
