"""The HTTP/2 server: streams of a client become exchanges.

Streams and exchanges point at each other, and part when both have ended, so that no cycle is left to the collector.
"""

from collections.abc import Callable
from typing import Final

from linkerd_proxy.codec.h2 import errors
from linkerd_proxy.codec.h2.settings import H2Settings
from linkerd_proxy.codec.h2.stream import H2Stream
from linkerd_proxy.codec.headers import Headers
from linkerd_proxy.errors import LoadShed, ProxyError, StreamReset
from linkerd_proxy.http import respond
from linkerd_proxy.http.exchange import (
    CLOSED,
    GRPC,
    REQUEST_ENDED,
    RESPONSE_ENDED,
    Exchange,
    OnFailure,
    Service,
    untold,
)
from linkerd_proxy.http.h2 import H2Shell
from linkerd_proxy.http.request import HeadMemo
from linkerd_proxy.telemetry.metrics import TcpSeries
from linkerd_proxy.transport.flow import peer
from linkerd_proxy.transport.turn import Turn
from linkerd_runtime.settings import Addr

LAST_STREAM: Final = 2**31 - 1 - 2**17
"""Behind it the client is told to go to another connection, with 65,000 streams left for what is on its way."""


def _always() -> bool:
    return True


class H2Server(H2Shell):
    """One connection of a client."""

    client = False

    def __init__(
        self, turn: Turn, tcp: TcpSeries, settings: H2Settings, service: Service, *, emit_errors: bool
    ) -> None:
        super().__init__(turn, tcp, settings)
        self.service = service
        self.emit_errors = emit_errors
        self.on_failure: OnFailure = untold
        self.admit: Callable[[], bool] = _always
        """Whether one more request may go on (InFlight.admit)."""
        self._memo = HeadMemo()
        self._draining = False
        self._drain_later = False

    @property
    def in_flight(self) -> int:
        return self.codec.active

    def drain(self) -> None:
        """Say GOAWAY; close when the last stream has ended. A connection that has yet to begin has its first stream."""
        if self.transport is None:
            self._drain_later = True
        elif not self.closed and not self._draining:
            self._draining = True
            self.codec.goaway()
            self._close_when_idle()

    # The codec's handler.

    def headers_received(self, stream: H2Stream, headers: Headers, end: bool) -> None:
        x = Exchange(self, stream, self._memo.get(headers), self.turn.now)
        stream.user = x
        if end:
            x.flags |= REQUEST_ENDED
        if self.admit():
            self.service(x)
        else:
            x.fail(LoadShed())
        if self._drain_later or stream.id >= LAST_STREAM:
            self.drain()

    def data_received(self, stream: H2Stream, data: bytes, end: bool) -> None:
        x: Exchange | None = stream.user
        if x is not None:
            if end:
                x.flags |= REQUEST_ENDED
                x.sent = self.turn.now
            x.up.send(x, data, end)
            if end and x.flags & RESPONSE_ENDED:
                self._part(x)
        else:
            self.codec.consumed(stream, len(data))

    def trailers_received(self, stream: H2Stream, headers: Headers) -> None:
        x: Exchange | None = stream.user
        if x is not None:
            x.flags |= REQUEST_ENDED
            x.sent = self.turn.now
            x.up.trailers(x, headers)
            if x.flags & RESPONSE_ENDED:
                self._part(x)

    def reset_received(self, stream: H2Stream, code: int) -> None:
        x: Exchange | None = stream.user
        if x is not None:
            x.gone()
            self._part(x)

    # Down.

    def inform(self, x: Exchange, head: Headers) -> None:
        if x.down_stream is not None:
            self.codec.send_headers(x.down_stream, head, False)

    def respond(self, x: Exchange, head: Headers, end: bool) -> None:
        stream = x.down_stream
        if stream is None:
            return
        self.codec.send_headers(stream, head, end)
        if end:
            self._responded(x)

    def send(self, x: Exchange, data: bytes, end: bool) -> None:
        stream = x.down_stream
        if stream is None:
            x.up.consumed(x, len(data))
            return
        self.codec.send_data(stream, data, end)
        if stream.queued:
            x.down_held += len(data)
        elif self.paused:
            x.down_held += len(data)
            self.stall(x)
        else:
            x.up.consumed(x, len(data))
        if end:
            self._responded(x)

    def trailers(self, x: Exchange, trailers: Headers) -> None:
        if x.down_stream is not None:
            self.codec.send_headers(x.down_stream, trailers, True)
            self._responded(x)

    def abort(self, x: Exchange, error: ProxyError) -> None:
        stream = x.down_stream
        if stream is None:
            return
        if isinstance(error, StreamReset):
            self.codec.reset(stream, error.code)
        elif x.flags & GRPC:
            self.codec.send_headers(stream, respond.trailers(error, emit=self.emit_errors), True)
        else:
            self.codec.reset(stream, errors.INTERNAL_ERROR)
        self._part(x)

    def consumed(self, x: Exchange, count: int) -> None:
        if count and x.down_stream is not None:
            self.codec.consumed(x.down_stream, count)

    def close_after(self, x: Exchange) -> None:
        pass

    def source(self, x: Exchange) -> Addr | None:
        return None if self.transport is None else peer(self.transport)

    def failure(self, x: Exchange, error: ProxyError) -> str:
        return self.on_failure(x, error)

    def release(self, x: Exchange) -> None:
        stream = x.down_stream
        if stream is not None and stream.queued:
            return
        held, x.down_held = x.down_held, 0
        if held:
            x.up.consumed(x, held)
        if x.flags & RESPONSE_ENDED and x.flags & REQUEST_ENDED:
            self._part(x)

    def ended(self, error: Exception | None) -> None:
        for stream in list(self.codec.streams.values()):
            x: Exchange | None = stream.user
            if x is not None:
                x.gone()
                self._part(x)

    # Ends.

    def _responded(self, x: Exchange) -> None:
        x.flags |= RESPONSE_ENDED
        if x.flags & REQUEST_ENDED and not x.down_held:
            self._part(x)

    def _part(self, x: Exchange) -> None:
        stream = x.down_stream
        if stream is not None:
            stream.user = None
            x.down_stream = None
            if stream.held:
                self.codec.let_go(stream)
        x.flags |= CLOSED
        if self._draining:
            self._close_when_idle()

    def _close_when_idle(self) -> None:
        if not self.codec.active:
            self.close()
