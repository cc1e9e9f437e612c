"""DATA in parts: what has come of a frame is passed on before the rest of it is there."""

from services.proxy.tests.codec.h2.wire import Peer

from linkerd_proxy.codec.h2 import errors, frames
from linkerd_proxy.codec.h2.settings import H2Settings


def head(stream: int, flags: int = frames.END_HEADERS) -> bytes:
    return frames.frame(frames.HEADERS, flags, stream, b"\x83\x86\x84\x01\x01a")


def test_large_frames_are_passed_on_while_they_come() -> None:
    peer = Peer(settings=H2Settings(stream_window=100_000, max_frame_size=100_000))
    frame = frames.frame(frames.DATA, frames.END_STREAM, 1, b"x" * 90_000)
    assert peer.send(head(1), frame[:1_009])[1:] == [("data", 1, b"x" * 1_000, False)]
    assert peer.send(frame[1_009:50_009]) == [("data", 1, b"x" * 49_000, False)]
    assert peer.send(frame[50_009:], frames.frame(frames.PING, 0, 0, b"12345678")) == [("data", 1, b"x" * 40_000, True)]
    assert peer.answered()[-1] == (frames.PING, frames.ACK, 0, b"12345678")


def test_the_rest_of_a_frame_of_a_stream_that_we_reset_is_credited() -> None:
    peer = Peer(settings=H2Settings(stream_window=100_000, max_frame_size=100_000))
    peer.recorder.consumes = False
    frame = frames.frame(frames.DATA, 0, 1, b"x" * 90_000)
    peer.send(head(1), frame[:10_009])
    peer.connection.reset(peer.recorder.streams[1])
    assert peer.send(frame[10_009:]) == []
    assert peer.connection.unacked == 90_000
    assert peer.send(head(3, frames.END_HEADERS | frames.END_STREAM))[0][:2] == ("headers", 3)


def test_a_frame_above_the_window_is_refused_at_its_head() -> None:
    peer = Peer(settings=H2Settings(stream_window=65_535, max_frame_size=100_000))
    assert peer.send(head(1), frames.frame(frames.DATA, 0, 1, b"x" * 70_000)[:20])[1:] == [
        ("reset", 1, errors.FLOW_CONTROL_ERROR)
    ]
