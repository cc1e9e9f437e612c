"""DATA frames: windows, states and lengths checked at a frame's head, its bytes passed on while they come."""

from collections.abc import Callable

from linkerd_proxy.codec.h2 import errors
from linkerd_proxy.codec.h2.control import Controller
from linkerd_proxy.codec.h2.errors import H2Error
from linkerd_proxy.codec.h2.frames import END_STREAM, PADDED
from linkerd_proxy.codec.h2.sending import H2Handler
from linkerd_proxy.codec.h2.settings import H2Settings
from linkerd_proxy.codec.h2.stream import H2Stream


class DataReceiver(Controller):
    """The part of a connection that receives DATA."""

    __slots__ = ("_data_end", "_data_left", "_data_stream")

    def __init__(self, handler: H2Handler, client: bool, settings: H2Settings, wake: Callable[[], None]) -> None:
        super().__init__(handler, client, settings, wake)
        self._data_left = 0
        """Bytes of a DATA frame that are still to come: what has come of it was passed on."""
        self._data_stream: H2Stream | None = None
        self._data_end = False

    def _data(self, stream_id: int, flags: int, data: bytes) -> None:
        """A whole frame."""
        size = len(data)
        if flags & PADDED:
            data = unpad(data)
        n = len(data)
        stream = self._admit(stream_id, flags, size, n)
        if stream is None:
            return
        if n != size:
            self._credit(size - n)
            stream.unacked += size - n
        end = flags & END_STREAM
        if n or end:
            self._deliver(stream, data, end != 0)
        else:
            self._chatter()

    def _begin_data(self, stream_id: int, flags: int, size: int, data: bytes) -> None:
        """The beginning of a frame: passed on without waiting for the rest, so that large frames are never stored."""
        stream = self._admit(stream_id, flags, size, size)
        self._data_left = size - len(data)
        self._data_stream = stream
        self._data_end = flags & END_STREAM != 0
        if stream is not None:
            self._deliver(stream, data, False)

    def _rest_of_data(self, data: bytes) -> None:
        stream = self._data_stream
        if stream is None:
            return
        if self.streams.get(stream.id) is not stream:  # reset since: nobody will pass this on
            self._credit(len(data))
            return
        if self._data_left:
            self._deliver(stream, data, False)
        else:
            self._data_stream = None
            self._deliver(stream, data, self._data_end)

    def _admit(self, stream_id: int, flags: int, size: int, n: int) -> H2Stream | None:
        """The stream of a frame of `size` bytes, `n` without padding, where windows, state and length allow it."""
        self.receive_window -= size
        if self.receive_window < 0:
            raise H2Error("more DATA than the connection's window", errors.FLOW_CONTROL_ERROR)
        stream = self.streams.get(stream_id)
        if stream is None:
            self._late_data(stream_id, size)
            return None
        stream.receive_window -= size
        if stream.receive_window < 0 or stream.remote_closed or (self.client and not stream.answered):
            self._credit(size)
            self._bad_data(stream)
            return None
        if stream.remaining >= 0:
            stream.remaining -= n
            end = flags & END_STREAM
            if stream.remaining and (stream.remaining < 0 or end) and not (not n and is_head(stream)):
                self._credit(size)
                self._stream_error(stream, errors.PROTOCOL_ERROR)
                return None
        return stream

    def _deliver(self, stream: H2Stream, data: bytes, end: bool) -> None:
        stream.held += len(data)
        if end:
            stream.remote_closed = True
            if stream.local_closed:
                self._remove(stream)
        self.handler.data_received(stream, data, end)

    def _bad_data(self, stream: H2Stream) -> None:
        if stream.remote_closed:
            code = errors.STREAM_CLOSED
        elif stream.receive_window < 0:
            code = errors.FLOW_CONTROL_ERROR
        else:
            code = errors.PROTOCOL_ERROR
        self._stream_error(stream, code)

    def _late_data(self, stream_id: int, size: int) -> None:
        if self._is_idle(stream_id):
            raise H2Error(f"DATA on idle stream {stream_id}")
        self._credit(size)
        if stream_id not in self._resets:
            self._refuse(stream_id, errors.STREAM_CLOSED)
        self._chatter()


def unpad(payload: bytes) -> bytes:
    """Without pad length and padding (RFC 9113 section 6.1)."""
    if not payload:
        raise H2Error("padded frame without a pad length", errors.FRAME_SIZE_ERROR)
    padding = payload[0]
    if padding >= len(payload):
        raise H2Error("padding is as long as the frame")
    return payload[1 : len(payload) - padding]


def is_head(stream: H2Stream) -> bool:
    """The response to a HEAD request: its Content-Length describes what is not sent (RFC 9110 section 8.6)."""
    return stream.sent is not None and (b":method", b"HEAD") in stream.sent
