"""An HTTP/2 connection without IO (RFC 9113): bytes in by `H2Connection.receive`, calls to an `H2Handler`, bytes out in
``out``.

Rules: nothing that a peer sends raises out of `receive`. A broken rule of a stream resets the stream (the handler hears
`reset_received`), one of the connection ends it with GOAWAY (`connection_failed`). Server push is refused, priorities
are ignored. There is no clock here: the owner may call `tick`.
"""

from collections.abc import Callable
from typing import Any, Final

from linkerd_proxy.codec.h2 import errors, frames, validation
from linkerd_proxy.codec.h2.control import DRAIN_PING
from linkerd_proxy.codec.h2.data import DataReceiver, is_head, unpad
from linkerd_proxy.codec.h2.errors import H2Error
from linkerd_proxy.codec.h2.frames import ACK, DATA, END_HEADERS, END_STREAM, HEAD, HEADERS, LARGEST_ID, PADDED, PREFACE
from linkerd_proxy.codec.h2.hpack import BLOCK_MEMO, BLOCK_MEMO_LENGTH, BlockMemo
from linkerd_proxy.codec.h2.limits import MAX_CONTINUATIONS
from linkerd_proxy.codec.h2.sending import H2Handler
from linkerd_proxy.codec.h2.settings import H2Settings
from linkerd_proxy.codec.h2.stream import H2Stream
from linkerd_proxy.codec.headers import Headers

__all__ = ["H2Connection", "H2Handler", "H2Stream"]

FIRST_SETTINGS: Final = -1
"""Guard: the peer's first frame must be SETTINGS. A positive guard is the stream whose header block is not complete."""

LARGEST_STATIC: Final = 96
"""No entry of the static table counts for more bytes, with its 32 of overhead."""

_HEADERS_TOO_LARGE: Final = [(b":status", b"431"), (b"content-length", b"0")]


class H2Connection(DataReceiver):
    """One side of a connection. ``wake`` is called whenever ``out`` stops being empty, the first time from here."""

    __slots__ = (
        "_block",
        "_block_end",
        "_continuations",
        "_frame_limit",
        "_guard",
        "_next_id",
        "_preface",
        "_rest",
        "_skipped",
        "failed",
    )

    def __init__(self, handler: H2Handler, *, client: bool, settings: H2Settings, wake: Callable[[], None]) -> None:
        super().__init__(handler, client, settings, wake)
        self.failed: H2Error | None = None
        """What ended the connection."""
        self._next_id = 1
        self._rest = b""
        self._preface = not client
        self._guard = FIRST_SETTINGS
        self._block: list[bytes] = []
        self._block_end = 0
        self._continuations = 0
        self._frame_limit = settings.max_frame_size
        self._skipped: list[tuple[int, int]] = []
        """Ranges of streams that the client never opened: their use is another error than that of closed ones."""
        self._write(settings.first_frames(client=client))

    # What the owner may do besides sending

    @property
    def can_open(self) -> bool:
        """The peer's MAX_CONCURRENT_STREAMS, GOAWAY and the supply of stream identifiers allow one more stream."""
        return self.active < self.peer.max_concurrent_streams and not self.closing and self._next_id <= LARGEST_ID

    @property
    def exhausted(self) -> bool:
        """A client has used all its stream identifiers: it needs another connection (RFC 9113 section 5.1.1)."""
        return self._next_id > LARGEST_ID

    def open_stream(self, user: Any) -> H2Stream:
        """A client's new stream. Its `send_headers` must come before the next stream's. Check ``can_open`` first."""
        stream_id = self._next_id
        self._next_id = stream_id + 2
        self.highest = stream_id
        stream = H2Stream(stream_id, user, self.peer.initial_window, self.stream_window)
        self.streams[stream_id] = stream
        self.active += 1
        return stream

    def ping(self, data: bytes) -> None:
        """Eight bytes that come back to `ping_acknowledged`."""
        if len(data) != 8:
            raise ValueError("a PING carries 8 bytes")
        self._pings += 1
        self._write(frames.ping(data))

    def goaway(self, code: int = errors.NO_ERROR) -> None:
        """No new streams. A server with NO_ERROR still takes those that were on their way (RFC 9113 section 6.8)."""
        if self.failed is not None:
            return
        first, self.closing = not self.closing, True
        if self.client:
            self._write(frames.goaway(0, code))
        elif code == errors.NO_ERROR:
            if first or self._stop == LARGEST_ID:
                self._write(frames.goaway(LARGEST_ID, code))
                self._write(frames.ping(DRAIN_PING))
        else:
            self._stop = max(self.highest, 0)
            self._write(frames.goaway(self._stop, code))

    def tick(self, now: float) -> None:
        """Lets the tallies of the defences forget (without it, 1,000 keep-alive PINGs end an idle connection).

        ``now`` in seconds of a monotonic clock, about once a second and not less often than every minute.
        """
        self.limits.tick(now)

    # Receiving

    def receive(self, data: bytes) -> None:
        """Bytes as they came; never raises for what the peer sends."""
        if self.failed is not None:
            return
        self._reads += 1
        if self._rest:
            data = self._rest + data
            self._rest = b""
        try:
            i = self._take_preface(data) if self._preface else 0
            if i < 0:
                return
            if self._data_left:
                i = min(self._data_left, len(data))
                self._data_left -= i
                self._rest_of_data(data[:i])
            self._frames(data, i)
        except H2Error as error:
            self._fail(error)

    def _take_preface(self, data: bytes) -> int:
        """The position after the client's preface, or -1 while more of it must come."""
        if data[:24] != PREFACE[: len(data)]:
            raise H2Error("the connection preface is wrong")
        if len(data) < 24:
            self._rest = data
            return -1
        self._preface = False
        return 24

    def _frames(self, data: bytes, i: int) -> None:
        n = len(data)
        unpack = HEAD.unpack_from
        limit = self._frame_limit
        while n - i >= 9:
            high, low, kind, flags, stream_id = unpack(data, i)
            length = high << 8 | low
            if length > limit:
                raise H2Error(f"frame of {length} bytes", errors.FRAME_SIZE_ERROR)
            end = i + 9 + length
            if end > n and (kind != DATA or flags & PADDED or i + 9 == n):
                break
            stream_id &= LARGEST_ID
            if self._guard:
                self._check_guard(kind, flags, stream_id)
            if kind == HEADERS:
                if flags & 0x2C == END_HEADERS:
                    self._headers(stream_id, data[i + 9 : end], flags & END_STREAM)
                else:
                    self._first_of_block(stream_id, flags, data[i + 9 : end])
            elif kind == DATA:
                if end > n:
                    self._begin_data(stream_id, flags, length, data[i + 9 :])
                    return
                self._data(stream_id, flags, data[i + 9 : end])
            else:
                receiver = _RECEIVERS.get(kind)
                if receiver is not None:
                    receiver(self, stream_id, flags, data[i + 9 : end])
                else:
                    self._chatter()
            i = end
        self._rest = data[i:]

    def _check_guard(self, kind: int, flags: int, stream_id: int) -> None:
        if self._guard == FIRST_SETTINGS:
            if kind != frames.SETTINGS or flags & ACK:
                raise H2Error("the first frame is not SETTINGS")
            self._guard = 0
        elif kind != frames.CONTINUATION or stream_id != self._guard:
            raise H2Error("a frame within a header block")

    def _fail(self, error: H2Error) -> None:
        self.failed = error
        self.closing = True
        last = 0 if self.client else max(0, min(self.highest, self._stop))
        self._write(frames.goaway(last, error.code, str(error.args[0]).encode()[:200]))
        self.handler.connection_failed(error)

    # HEADERS and CONTINUATION

    def _first_of_block(self, stream_id: int, flags: int, payload: bytes) -> None:
        if flags & PADDED:
            payload = unpad(payload)
        if flags & frames.PRIORITY_FLAG:
            if len(payload) < 5:
                raise H2Error("HEADERS are too short for a priority", errors.FRAME_SIZE_ERROR)
            payload = payload[5:]
        if flags & END_HEADERS:
            self._headers(stream_id, payload, flags & END_STREAM)
            return
        if not stream_id:
            raise H2Error("HEADERS on stream 0")
        self._block = [payload]
        self._block_end = flags & END_STREAM
        self._continuations = 0
        self._guard = stream_id

    def _continuation(self, stream_id: int, flags: int, payload: bytes) -> None:
        if not self._guard:
            raise H2Error("CONTINUATION without HEADERS")
        self._block.append(payload)
        self._continuations += 1
        size = sum(map(len, self._block))
        if self._continuations > MAX_CONTINUATIONS or size > self.settings.max_header_list_size:
            raise H2Error("header block is too large", errors.ENHANCE_YOUR_CALM)
        if flags & END_HEADERS:
            block, self._block, self._guard = b"".join(self._block), [], 0
            self._headers(stream_id, block, self._block_end)

    def _judge(self, block: bytes, memo: BlockMemo) -> validation.Judged:
        decoder = self.decoder
        headers = decoder.decode(block)
        if self._is_too_large(headers, len(block)):
            judged: validation.Judged = ([], validation.NO_LENGTH, validation.TOO_LARGE)
        else:
            judged = validation.judge(headers, trailers=memo is decoder.trailers, client=self.client)
        if decoder.stable and len(block) <= BLOCK_MEMO_LENGTH:
            if len(memo) >= BLOCK_MEMO:
                memo.clear()
            memo[block] = judged
        return judged

    def _is_too_large(self, headers: Headers, block_length: int) -> bool:
        """Whether a list passes our limits; it is only added up where its block could make it do so.

        No field is larger than the dynamic table or a static entry, besides literals, which Huffman codes make 8/5 as
        long as their part of the block at most.
        """
        n = len(headers)
        if n > validation.MAX_FIELDS:
            return True
        limit = self.settings.max_header_list_size
        bound = n * (self.decoder.size + LARGEST_STATIC) + 2 * block_length
        return bound > limit and validation.list_size(headers) > limit

    def _headers(self, stream_id: int, block: bytes, end: int) -> None:
        stream = self.streams.get(stream_id)
        if stream is None:
            if self.client:
                self._late_headers(stream_id, block)
            else:
                self._request(stream_id, block, end)
        elif self.client and not stream.answered:
            self._response(stream, block, end)
        else:
            self._trailers(stream, block, end)

    def _request(self, stream_id: int, block: bytes, end: int) -> None:
        heads = self.decoder.heads
        headers, length, status = heads.get(block) or self._judge(block, heads)
        if stream_id != self.highest + 2:
            if self._is_stray(stream_id):
                return
            self._skipped = [*self._skipped[-63:], (self.highest + 2, stream_id - 2)]
        self.highest = stream_id
        if self.active >= self.settings.max_concurrent_streams or stream_id > self._stop:
            self._refuse(stream_id, errors.REFUSED_STREAM)
            self._wasted()
            return
        if status or (end and length > 0):
            self._refuse_head(stream_id, status, end)
            return
        stream = H2Stream(stream_id, None, self.peer.initial_window, self.stream_window)
        stream.born = self._reads
        stream.remaining = length
        self.streams[stream_id] = stream
        self.active += 1
        if end:
            stream.remote_closed = True
        self.handler.headers_received(stream, headers.copy(), end == END_STREAM)

    def _is_stray(self, stream_id: int) -> bool:
        """True for a late frame of a stream that we reset; raises when a client reuses or invents a stream."""
        if not stream_id & 1:
            raise H2Error(f"HEADERS on stream {stream_id}")
        if stream_id > self.highest:
            return False
        if stream_id in self._resets:
            self._chatter()
            return True
        for first, last in self._skipped:
            if first <= stream_id <= last:
                raise H2Error(f"stream {stream_id} is below stream {self.highest}")
        raise H2Error(f"HEADERS on closed stream {stream_id}", errors.STREAM_CLOSED)

    def _refuse_head(self, stream_id: int, status: int, end: int) -> None:
        """A request that no owner sees: 431 for one that is too large, else reset (RFC 9113 sections 8.1.1, 10.5.1)."""
        if status == validation.TOO_LARGE:
            block = self.encoder.encode(_HEADERS_TOO_LARGE)
            self._write(frames.frame(HEADERS, END_HEADERS | END_STREAM, stream_id, block))
            if not end:
                self._refuse(stream_id, errors.NO_ERROR)
        else:
            self._refuse(stream_id, errors.PROTOCOL_ERROR)
        self._wasted()

    def _response(self, stream: H2Stream, block: bytes, end: int) -> None:
        heads = self.decoder.heads
        headers, length, status = heads.get(block) or self._judge(block, heads)
        if stream.remote_closed:
            self._stream_error(stream, errors.STREAM_CLOSED)
            return
        if status < 200:
            if status < 100 or end:
                self._stream_error(stream, errors.PROTOCOL_ERROR)
            else:
                self.handler.headers_received(stream, headers.copy(), False)
            return
        stream.answered = True
        if status != 304 and status != 204:
            stream.remaining = length
        if end:
            self._end(stream, headers.copy())
        else:
            self.handler.headers_received(stream, headers.copy(), False)

    def _end(self, stream: H2Stream, headers: Headers) -> None:
        """A response head that is the whole response."""
        if stream.remaining > 0 and not is_head(stream):
            self._stream_error(stream, errors.PROTOCOL_ERROR)
            return
        stream.remote_closed = True
        if stream.local_closed:
            self._remove(stream)
        self.handler.headers_received(stream, headers, True)

    def _trailers(self, stream: H2Stream, block: bytes, end: int) -> None:
        memo = self.decoder.trailers
        headers, _, status = memo.get(block) or self._judge(block, memo)
        if stream.remote_closed:
            self._stream_error(stream, errors.STREAM_CLOSED)
        elif status or not end or (stream.remaining > 0 and not is_head(stream)):
            self._stream_error(stream, errors.PROTOCOL_ERROR)
        else:
            stream.remote_closed = True
            if stream.local_closed:
                self._remove(stream)
            self.handler.trailers_received(stream, headers.copy())

    def _late_headers(self, stream_id: int, block: bytes) -> None:
        """A server's HEADERS for a stream that is gone: decoded for the table's sake."""
        self.decoder.decode(block)
        if self._is_idle(stream_id):
            raise H2Error(f"HEADERS on idle stream {stream_id}")
        if stream_id not in self._resets:
            self._refuse(stream_id, errors.STREAM_CLOSED)
        self._chatter()


_RECEIVERS: Final[dict[int, Callable[[H2Connection, int, int, bytes], None]]] = {
    frames.PRIORITY: H2Connection._priority,
    frames.RST_STREAM: H2Connection._rst_stream,
    frames.SETTINGS: H2Connection._settings,
    frames.PUSH_PROMISE: H2Connection._push_promise,
    frames.PING: H2Connection._ping,
    frames.GOAWAY: H2Connection._goaway,
    frames.WINDOW_UPDATE: H2Connection._window_update,
    frames.CONTINUATION: H2Connection._continuation,
}
