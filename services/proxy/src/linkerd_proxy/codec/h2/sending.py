"""What goes out: frames in order, DATA within both windows, the rest of it queued.

Queued DATA goes when the peer opens a window, in turn of streams where the connection's window was the bound; trailers
and END_STREAM follow their stream's data. Frames lie in ``out`` until the IO side joins, writes and clears it.
"""

from collections import deque
from collections.abc import Callable
from typing import Protocol

from linkerd_proxy.codec.h2 import errors, frames
from linkerd_proxy.codec.h2.errors import H2Error
from linkerd_proxy.codec.h2.frames import DATA, END_HEADERS, END_STREAM, HEAD
from linkerd_proxy.codec.h2.hpack import Encoder
from linkerd_proxy.codec.h2.settings import LARGEST_WINDOW, H2Settings, PeerSettings
from linkerd_proxy.codec.h2.stream import H2Stream
from linkerd_proxy.codec.headers import Headers

BULK = 131_072
"""Bytes of DATA in ``out`` that are to be written at once."""
RESETS_REMEMBERED = 512
"""Streams that we reset whose late frames are dropped in silence (RFC 9113 section 5.1, closed)."""


class H2Handler(Protocol):
    """Whom a connection tells. Every call may send, reset or open streams at once."""

    def headers_received(self, stream: H2Stream, headers: Headers, end: bool) -> None:
        """The head of a request or response, or a 1xx head (then ``end`` is False). The list is the owner's."""

    def trailers_received(self, stream: H2Stream, headers: Headers) -> None:
        """The end of the message."""

    def data_received(self, stream: H2Stream, data: bytes, end: bool) -> None:
        """Answer with `H2Connection.consumed` once the bytes have been passed on."""

    def reset_received(self, stream: H2Stream, code: int) -> None:
        """The stream is gone: by the peer's RST_STREAM, by its GOAWAY (REFUSED_STREAM: safe to retry), or because the
        peer broke a rule on it (then it was reset with that code)."""

    def goaway_received(self, last_stream: int, code: int) -> None:
        """No new streams from here on; those above ``last_stream`` are reported to `reset_received` next."""

    def drained(self, stream: H2Stream) -> None:
        """What was queued went out: the source may resume."""

    def bulk_due(self) -> None:
        """Much lies in ``out``: to be written now, while it is in the processor's cache, not at the end of the turn."""

    def settings_received(self) -> None:
        """The peer's settings are known, or changed."""

    def ping_acknowledged(self, data: bytes) -> None:
        """The peer answered `H2Connection.ping`."""

    def connection_failed(self, error: H2Error) -> None:
        """The peer broke the connection's rules; GOAWAY is in ``out``: write it and close. No other call follows."""


class Sender:
    """The sending half of a connection."""

    __slots__ = (
        "_grant_stream",
        "_own_grant",
        "_peer_frame",
        "_resets",
        "_waiting",
        "active",
        "bulk",
        "client",
        "encoder",
        "handler",
        "out",
        "peer",
        "receive_window",
        "send_window",
        "sent_data_frames",
        "settings",
        "stream_window",
        "streams",
        "unacked",
        "wake",
    )

    def __init__(self, handler: H2Handler, client: bool, settings: H2Settings, wake: Callable[[], None]) -> None:
        self.handler = handler
        self.client = client
        self.settings = settings
        self.wake = wake
        self.out: list[bytes | memoryview] = []
        self.bulk = 0
        """Bytes of DATA in ``out``: whoever writes them sets this to 0."""
        self.peer = PeerSettings()
        self.encoder = Encoder(settings.header_table_size)
        self.streams: dict[int, H2Stream] = {}
        self.active = 0
        """Streams that count against MAX_CONCURRENT_STREAMS: all that are open, for only clients open them."""
        self.send_window = 65_535
        self.receive_window = settings.connection_window
        self.stream_window = max(settings.stream_window, 65_535)
        """Receive window of each stream: a smaller one than the default binds the peer once it acknowledged it."""
        self.unacked = 0
        self.sent_data_frames = 0
        self._own_grant = settings.connection_window // 2
        self._grant_stream = max(1, settings.stream_window // 2)
        self._peer_frame = self.peer.max_frame_size
        self._waiting: dict[int, H2Stream] = {}
        """Streams with queued DATA that wait for the connection's window, in turn."""
        self._resets: dict[int, None] = {}

    def _write(self, data: bytes) -> None:
        out = self.out
        if out:
            out.append(data)
        else:
            out.append(data)
            self.wake()

    # Sending messages

    def send_headers(self, stream: H2Stream, headers: Headers, end: bool = False) -> None:
        """A head, a 1xx head or trailers (``end``). Nothing happens on a stream that the peer or we have reset.

        The list must be fit for HTTP/2: lower-case names, pseudo-headers first, no connection-specific fields.
        A client must send its streams' heads in the order in which it opened them.
        """
        if stream.local_closed:
            return
        if stream.queue is not None:
            stream.trailers = headers
            stream.end_queued = True
            return
        block = self.encoder.encode(headers)
        n = len(block)
        if n <= self._peer_frame:
            self._write(HEAD.pack(n >> 8, n & 255, 1, 5 if end else 4, stream.id) + block)
        else:
            self._write_block(stream.id, block, end)
        if stream.sent is None:
            stream.sent = headers
        if end:
            stream.local_closed = True
            if stream.remote_closed:
                self._remove(stream)

    def _write_block(self, stream_id: int, block: bytes, end: bool) -> None:
        size = self._peer_frame
        self._write(frames.frame(frames.HEADERS, END_STREAM if end else 0, stream_id, block[:size]))
        for i in range(size, len(block), size):
            last = END_HEADERS if i + size >= len(block) else 0
            self._write(frames.frame(frames.CONTINUATION, last, stream_id, block[i : i + size]))

    def send_data(self, stream: H2Stream, data: bytes, end: bool = False) -> None:
        """Goes out at once as far as the windows allow; ``stream.queued`` counts what had to wait."""
        if stream.local_closed:
            return
        n = len(data)
        if (
            stream.queue is None
            and n <= stream.send_window
            and n <= self.send_window
            and n <= self._peer_frame
            and (n or end)
        ):
            stream.send_window -= n
            self.send_window -= n
            self.sent_data_frames += 1
            self._write(HEAD.pack(n >> 8, n & 255, DATA, 1 if end else 0, stream.id))
            if n:
                self.out.append(data)
                self.bulk += n
            if end:
                stream.local_closed = True
                if stream.remote_closed:
                    self._remove(stream)
            if self.bulk >= BULK:
                self.handler.bulk_due()
        elif n or end:
            self._enqueue(stream, data, end)

    def _enqueue(self, stream: H2Stream, data: bytes, end: bool) -> None:
        if stream.end_queued:
            return
        if stream.queue is None:
            stream.queue = deque()
        if data:
            stream.queue.append(data)
            stream.queued += len(data)
        stream.end_queued = end
        if stream.id not in self._waiting:
            self._pump(stream)

    def _pump(self, stream: H2Stream) -> bool:
        """Sends what the windows allow of a stream's queue; True when nothing of it is left."""
        queue = stream.queue
        assert queue is not None
        while queue:
            size = min(stream.send_window, self.send_window, self._peer_frame)
            if size <= 0:
                if self.send_window <= 0:
                    self._waiting[stream.id] = stream
                return False
            data: bytes | memoryview = queue[0]
            start = stream.offset
            if len(data) - start <= size:
                queue.popleft()
                stream.offset = 0
                if start:
                    data = memoryview(data)[start:]
            else:
                stream.offset = start + size
                data = memoryview(data)[start : start + size]
            n = len(data)
            stream.queued -= n
            stream.send_window -= n
            self.send_window -= n
            self.sent_data_frames += 1
            last = not queue and stream.end_queued and stream.trailers is None
            self._write(HEAD.pack(n >> 8, n & 255, DATA, 1 if last else 0, stream.id))
            self.out.append(data)
            self.bulk += n
            if self.bulk >= BULK:
                self.handler.bulk_due()
            if last:
                stream.queue = None
                self._close_local(stream)
                return True
        stream.queue = None
        if stream.trailers is not None:
            self.send_headers(stream, stream.trailers, True)
            stream.trailers = None
        elif stream.end_queued:
            self._write(HEAD.pack(0, 0, DATA, END_STREAM, stream.id))
            self._close_local(stream)
        return True

    def _resume(self, stream: H2Stream) -> None:
        """A window opened for a stream that has a queue."""
        if self._pump(stream):
            self.handler.drained(stream)

    def _resume_waiting(self) -> None:
        waiting, self._waiting = self._waiting, {}
        for stream_id, stream in waiting.items():
            if self.send_window <= 0:
                self._waiting[stream_id] = stream
            elif stream.queue is not None:
                self._resume(stream)

    def _grow(self, stream: H2Stream, increment: int) -> bool:
        """False when the window would pass its limit."""
        stream.send_window += increment
        if stream.send_window > LARGEST_WINDOW:
            return False
        if stream.queue is not None and stream.send_window > 0 and stream.id not in self._waiting:
            self._resume(stream)
        return True

    # Giving windows back

    def consumed(self, stream: H2Stream, n: int) -> None:
        """``n`` bytes of the stream's DATA were passed on: the peer may send as many more. Sent in batches."""
        if n > stream.held:
            n = stream.held
        stream.held -= n
        self.unacked += n
        if self.unacked >= self._own_grant:
            self._grant()
        stream.unacked += n
        if stream.unacked >= self._grant_stream and not stream.remote_closed:
            self._write(frames.window_update(stream.id, stream.unacked))
            stream.receive_window += stream.unacked
            stream.unacked = 0

    def let_go(self, stream: H2Stream) -> None:
        """Nobody will say any more what of the stream's DATA was passed on: all of it comes back to the connection."""
        held, stream.held = stream.held, 0
        self._credit(held)

    def _credit(self, n: int) -> None:
        """Bytes that nobody will pass on (padding, data of dead streams) go back to the connection."""
        self.unacked += n
        if self.unacked >= self._own_grant:
            self._grant()

    def _grant(self) -> None:
        self._write(frames.window_update(0, self.unacked))
        self.receive_window += self.unacked
        self.unacked = 0

    # Ends of streams

    def reset(self, stream: H2Stream, code: int = errors.CANCEL) -> None:
        """Ends a stream at once in both directions. Nothing happens when it is gone already."""
        if stream.id not in self.streams:
            return
        if stream.sent is not None or not self.client:
            self._write(frames.rst_stream(stream.id, code))
            self._remember_reset(stream.id)
        self._abandon(stream)

    def _remember_reset(self, stream_id: int) -> None:
        resets = self._resets
        if len(resets) >= RESETS_REMEMBERED:
            for old in list(resets)[: RESETS_REMEMBERED // 2]:
                del resets[old]
        resets[stream_id] = None

    def _close_local(self, stream: H2Stream) -> None:
        stream.local_closed = True
        if stream.remote_closed:
            self._remove(stream)

    def _remove(self, stream: H2Stream) -> None:
        del self.streams[stream.id]
        self.active -= 1

    def _abandon(self, stream: H2Stream) -> None:
        """The stream is dead: its queue goes, and what it held of the connection's window comes back."""
        stream.local_closed = stream.remote_closed = True
        stream.queue = None
        stream.trailers = None
        stream.queued = 0
        self._waiting.pop(stream.id, None)
        self._remove(stream)
        self.let_go(stream)
