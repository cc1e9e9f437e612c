"""Bytes of the frames that we send, against hyperframe's reading of them."""

from hyperframe.frame import Frame, GoAwayFrame, PingFrame, RstStreamFrame, SettingsFrame, WindowUpdateFrame

from linkerd_proxy.codec.h2 import frames


def read(data: bytes) -> Frame:
    frame, length = Frame.parse_frame_header(memoryview(data)[:9])
    frame.parse_body(memoryview(data)[9 : 9 + length])
    assert len(data) == 9 + length
    return frame


def test_frames() -> None:
    reset = read(frames.rst_stream(5, 8))
    assert isinstance(reset, RstStreamFrame)
    assert (reset.stream_id, reset.error_code) == (5, 8)
    window = read(frames.window_update(7, 2**31 - 1))
    assert isinstance(window, WindowUpdateFrame)
    assert (window.stream_id, window.window_increment) == (7, 2**31 - 1)
    ping = read(frames.ping(b"12345678", frames.ACK))
    assert isinstance(ping, PingFrame)
    assert (ping.opaque_data, "ACK" in ping.flags) == (b"12345678", True)
    goaway = read(frames.goaway(9, 2, b"why"))
    assert isinstance(goaway, GoAwayFrame)
    assert (goaway.last_stream_id, goaway.error_code, goaway.additional_data) == (9, 2, b"why")
    settings = read(frames.settings({4: 100, 5: 20_000}))
    assert isinstance(settings, SettingsFrame)
    assert settings.settings == {4: 100, 5: 20_000}


def test_lengths_of_three_bytes() -> None:
    assert frames.frame(frames.DATA, 0, 1, b"x" * 70_000)[:9] == b"\x01\x11\x70\x00\x00\x00\x00\x00\x01"
