"""All frames besides HEADERS, CONTINUATION and DATA, and how a peer that breaks rules is answered."""

from collections.abc import Callable
from typing import Final

from linkerd_proxy.codec.h2 import errors, frames
from linkerd_proxy.codec.h2.errors import H2Error
from linkerd_proxy.codec.h2.frames import ACK, LARGEST_ID
from linkerd_proxy.codec.h2.hpack import Decoder
from linkerd_proxy.codec.h2.limits import YOUNG_READS, Limits
from linkerd_proxy.codec.h2.sending import H2Handler, Sender
from linkerd_proxy.codec.h2.settings import LARGEST_WINDOW, H2Settings
from linkerd_proxy.codec.h2.stream import H2Stream

DRAIN_PING: Final = b"drain\0\0\0"
"""Its answer tells that the peer has seen our first GOAWAY (RFC 9113 section 6.8)."""


class Controller(Sender):
    """The connection's state beyond messages."""

    __slots__ = (
        "_pings",
        "_reads",
        "_settings_acked",
        "_stop",
        "closing",
        "decoder",
        "goaway_code",
        "highest",
        "limits",
    )

    def __init__(self, handler: H2Handler, client: bool, settings: H2Settings, wake: Callable[[], None]) -> None:
        super().__init__(handler, client, settings, wake)
        self.decoder = Decoder(settings.header_table_size)
        self.limits = Limits()
        self.highest = -1
        """The highest stream that the client opened, whichever side we are; -1 before the first."""
        self.closing = False
        """A GOAWAY came or went: no new streams. Close when ``active`` is 0 and ``out`` is written."""
        self.goaway_code: int | None = None
        """The code of the peer's GOAWAY."""
        self._stop = LARGEST_ID
        """A server that goes away refuses streams above."""
        self._settings_acked = False
        self._pings = 0
        self._reads = 0

    def _chatter(self) -> None:
        if self.limits.chatter_is_too_much(self.highest // 2 + self.sent_data_frames):
            raise H2Error("too many frames without worth", errors.ENHANCE_YOUR_CALM)

    def _wasted(self) -> None:
        if self.limits.waste_is_too_much(self.highest // 2):
            raise H2Error("too many streams for nothing", errors.ENHANCE_YOUR_CALM)

    def _stream_error(self, stream: H2Stream, code: int) -> None:
        """The peer broke a rule on a stream: reset it and tell the owner."""
        self._write(frames.rst_stream(stream.id, code))
        self._remember_reset(stream.id)
        self._abandon(stream)
        self.handler.reset_received(stream, code)
        self._wasted()

    def _refuse(self, stream_id: int, code: int) -> None:
        """A stream that the owner never sees."""
        self._write(frames.rst_stream(stream_id, code))
        self._remember_reset(stream_id)

    def _is_idle(self, stream_id: int) -> bool:
        return stream_id > self.highest or not stream_id & 1

    def _rst_stream(self, stream_id: int, flags: int, payload: bytes) -> None:
        if len(payload) != 4:
            raise H2Error("RST_STREAM is not 4 bytes", errors.FRAME_SIZE_ERROR)
        if self._is_idle(stream_id):
            raise H2Error(f"RST_STREAM on idle stream {stream_id}")
        stream = self.streams.get(stream_id)
        if stream is None:
            self._chatter()
            return
        young = stream.sent is None and self._reads - stream.born <= YOUNG_READS
        self._abandon(stream)
        self.handler.reset_received(stream, frames.U32.unpack(payload)[0])
        if young and not self.client:
            self._wasted()

    def _settings(self, stream_id: int, flags: int, payload: bytes) -> None:
        if stream_id:
            raise H2Error("SETTINGS on a stream")
        if flags & ACK:
            if payload:
                raise H2Error("SETTINGS acknowledgement with a payload", errors.FRAME_SIZE_ERROR)
            self._settings_acknowledged()
            return
        if len(payload) % 6:
            raise H2Error("SETTINGS are not a multiple of 6 bytes", errors.FRAME_SIZE_ERROR)
        self._chatter()
        peer = self.peer
        before = peer.initial_window
        peer.apply(frames.parse_settings(payload), from_server=self.client)
        self._peer_frame = peer.max_frame_size
        self.encoder.resize(peer.header_table_size)
        self._write(frames.SETTINGS_ACK)
        if peer.initial_window != before:
            for stream in list(self.streams.values()):
                if not self._grow(stream, peer.initial_window - before):
                    raise H2Error("INITIAL_WINDOW_SIZE overflows a window", errors.FLOW_CONTROL_ERROR)
        self.handler.settings_received()

    def _settings_acknowledged(self) -> None:
        """What we asked for binds the peer from here on: smaller windows and tables take effect."""
        if self._settings_acked:
            self._chatter()
            return
        self._settings_acked = True
        self.decoder.apply_limit(self.settings.header_table_size)
        shrink = self.stream_window - self.settings.stream_window
        if shrink:
            self.stream_window -= shrink
            for stream in self.streams.values():
                stream.receive_window -= shrink

    def _ping(self, stream_id: int, flags: int, payload: bytes) -> None:
        if len(payload) != 8:
            raise H2Error("PING is not 8 bytes", errors.FRAME_SIZE_ERROR)
        if stream_id:
            raise H2Error("PING on a stream")
        if not flags & ACK:
            self._chatter()
            self._write(frames.ping(payload, ACK))
        elif payload == DRAIN_PING and self.closing and not self.client:
            self._stop = max(self.highest, 0)
            self._write(frames.goaway(self._stop, errors.NO_ERROR))
        elif self._pings:
            self._pings -= 1
            self.handler.ping_acknowledged(payload)
        else:
            self._chatter()

    def _goaway(self, stream_id: int, flags: int, payload: bytes) -> None:
        if stream_id:
            raise H2Error("GOAWAY on a stream")
        if len(payload) < 8:
            raise H2Error("GOAWAY is too short", errors.FRAME_SIZE_ERROR)
        last, code = frames.U32.unpack_from(payload)[0] & LARGEST_ID, frames.U32.unpack_from(payload, 4)[0]
        self._chatter()
        self.closing = True
        self.goaway_code = code
        self.handler.goaway_received(last, code)
        if self.client:
            for stream in [stream for stream in self.streams.values() if stream.id > last]:
                self._abandon(stream)
                self.handler.reset_received(stream, errors.REFUSED_STREAM)

    def _window_update(self, stream_id: int, flags: int, payload: bytes) -> None:
        if len(payload) != 4:
            raise H2Error("WINDOW_UPDATE is not 4 bytes", errors.FRAME_SIZE_ERROR)
        increment = frames.U32.unpack(payload)[0] & LARGEST_ID
        self._chatter()
        if not stream_id:
            if not increment:
                raise H2Error("WINDOW_UPDATE of 0")
            self.send_window += increment
            if self.send_window > LARGEST_WINDOW:
                raise H2Error("the connection's window overflows", errors.FLOW_CONTROL_ERROR)
            if self._waiting:
                self._resume_waiting()
            return
        stream = self.streams.get(stream_id)
        if stream is None:
            if self._is_idle(stream_id):
                raise H2Error(f"WINDOW_UPDATE on idle stream {stream_id}")
        elif not increment:
            self._stream_error(stream, errors.PROTOCOL_ERROR)
        elif not self._grow(stream, increment):
            self._stream_error(stream, errors.FLOW_CONTROL_ERROR)

    def _priority(self, stream_id: int, flags: int, payload: bytes) -> None:
        if not stream_id:
            raise H2Error("PRIORITY on stream 0")
        self._chatter()
        if len(payload) != 5:
            stream = self.streams.get(stream_id)
            if stream is None:
                raise H2Error("PRIORITY is not 5 bytes", errors.FRAME_SIZE_ERROR)
            self._stream_error(stream, errors.FRAME_SIZE_ERROR)

    def _push_promise(self, stream_id: int, flags: int, payload: bytes) -> None:
        raise H2Error("PUSH_PROMISE, though push is off")
