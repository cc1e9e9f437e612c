"""Frames that break a rule of RFC 9113: which error, and of the stream or of the connection."""

import pytest
from services.proxy.tests.codec.h2.wire import RESPONSE, Peer, connect, parse_frames, written

from linkerd_proxy.codec.h2 import errors, frames
from linkerd_proxy.codec.h2.errors import (
    COMPRESSION_ERROR,
    FLOW_CONTROL_ERROR,
    FRAME_SIZE_ERROR,
    PROTOCOL_ERROR,
    STREAM_CLOSED,
)
from linkerd_proxy.codec.h2.frames import END_HEADERS, END_STREAM, PADDED, PRIORITY_FLAG, frame
from linkerd_proxy.codec.h2.settings import H2Settings

GET = b"\x82\x86\x84\x01\x01a"
OK = b"\x88"

Cases = list[tuple[str, list[bytes], int]]


def head(stream: int, flags: int = END_HEADERS | END_STREAM, block: bytes = GET) -> bytes:
    return frame(frames.HEADERS, flags, stream, block)


def data(stream: int, payload: bytes = b"x", flags: int = 0) -> bytes:
    return frame(frames.DATA, flags, stream, payload)


OPEN = head(1, END_HEADERS)

CONNECTION_ERRORS: Cases = [
    ("4.2 frame above our limit", [frame(frames.DATA, 0, 1, b"x" * 16_385)], FRAME_SIZE_ERROR),
    ("4.2 unknown frame above our limit", [frame(0x77, 0, 1, b"x" * 16_385)], FRAME_SIZE_ERROR),
    ("4.2 header block frame above our limit", [head(1, block=GET + b"\x82" * 16_380)], FRAME_SIZE_ERROR),
    ("4.3 block that does not decode", [head(1, block=b"\xff\xff\xff\xff\xff\xff\xff")], COMPRESSION_ERROR),
    ("5.1 DATA on an idle stream", [data(1)], PROTOCOL_ERROR),
    ("5.1 RST_STREAM on an idle stream", [frames.rst_stream(1, 0)], PROTOCOL_ERROR),
    ("5.1 WINDOW_UPDATE on an idle stream", [frames.window_update(1, 1)], PROTOCOL_ERROR),
    ("5.1 CONTINUATION on an idle stream", [frame(frames.CONTINUATION, END_HEADERS, 1, GET)], PROTOCOL_ERROR),
    ("5.1.1 even stream of a client", [head(2)], PROTOCOL_ERROR),
    ("5.1.1 stream that was passed over", [head(5), head(3)], PROTOCOL_ERROR),
    ("5.1 CONTINUATION behind END_STREAM", [head(1), frame(9, END_HEADERS, 1, GET)], PROTOCOL_ERROR),
    ("5.1 CONTINUATION on a closed stream", [OPEN, frames.rst_stream(1, 8), frame(9, 4, 1, GET)], PROTOCOL_ERROR),
    ("5.1 HEADERS behind the client's own reset", [OPEN, frames.rst_stream(1, 8), head(1)], STREAM_CLOSED),
    ("5.5 unknown frame within a header block", [head(1, 0), frame(0x77, 0, 1, b"")], PROTOCOL_ERROR),
    ("6.1 DATA on stream 0", [data(0)], PROTOCOL_ERROR),
    ("6.1 padding as long as the frame", [OPEN, data(1, b"\x05abcd", PADDED)], PROTOCOL_ERROR),
    ("6.1 padded without a length", [OPEN, data(1, b"", PADDED)], FRAME_SIZE_ERROR),
    ("6.2 HEADERS on stream 0", [head(0)], PROTOCOL_ERROR),
    ("6.2 HEADERS without end on stream 0", [head(0, 0)], PROTOCOL_ERROR),
    ("6.2 padding as long as the frame", [head(1, END_HEADERS | PADDED, b"\x7f" + GET)], PROTOCOL_ERROR),
    ("6.2 too short for a priority", [head(1, END_HEADERS | PRIORITY_FLAG, b"abc")], FRAME_SIZE_ERROR),
    ("6.2 another frame within a block", [head(1, 0), frames.ping(b"12345678")], PROTOCOL_ERROR),
    ("6.2 another stream within a block", [head(1, 0), frame(9, END_HEADERS, 3, b"")], PROTOCOL_ERROR),
    ("6.2 HEADERS within a block", [head(1, 0), head(1)], PROTOCOL_ERROR),
    ("6.3 PRIORITY on stream 0", [frame(frames.PRIORITY, 0, 0, b"12345")], PROTOCOL_ERROR),
    ("6.4 RST_STREAM on stream 0", [frames.rst_stream(0, 0)], PROTOCOL_ERROR),
    ("6.4 RST_STREAM of another size", [OPEN, frame(frames.RST_STREAM, 0, 1, b"123")], FRAME_SIZE_ERROR),
    ("6.5 SETTINGS on a stream", [frame(frames.SETTINGS, 0, 1, b"")], PROTOCOL_ERROR),
    ("6.5 acknowledgement with a payload", [frame(frames.SETTINGS, frames.ACK, 0, b"123456")], FRAME_SIZE_ERROR),
    ("6.5 SETTINGS of another size", [frame(frames.SETTINGS, 0, 0, b"12345")], FRAME_SIZE_ERROR),
    ("6.5.2 ENABLE_PUSH of 2", [frames.settings({2: 2})], PROTOCOL_ERROR),
    ("6.5.2 INITIAL_WINDOW_SIZE above its limit", [frames.settings({4: 2**31})], FLOW_CONTROL_ERROR),
    ("6.5.2 MAX_FRAME_SIZE below its limit", [frames.settings({5: 16_383})], PROTOCOL_ERROR),
    ("6.5.2 MAX_FRAME_SIZE above its limit", [frames.settings({5: 2**24})], PROTOCOL_ERROR),
    ("6.6 PUSH_PROMISE of a client", [frame(frames.PUSH_PROMISE, END_HEADERS, 1, b"\0\0\0\2")], PROTOCOL_ERROR),
    ("6.7 PING on a stream", [frame(frames.PING, 0, 1, b"12345678")], PROTOCOL_ERROR),
    ("6.7 PING of another size", [frame(frames.PING, 0, 0, b"1234567")], FRAME_SIZE_ERROR),
    ("6.8 GOAWAY on a stream", [frame(frames.GOAWAY, 0, 1, b"12345678")], PROTOCOL_ERROR),
    ("6.8 GOAWAY that is too short", [frame(frames.GOAWAY, 0, 0, b"1234")], FRAME_SIZE_ERROR),
    ("6.9 WINDOW_UPDATE of 0", [frames.window_update(0, 0)], PROTOCOL_ERROR),
    ("6.9 WINDOW_UPDATE of another size", [frame(frames.WINDOW_UPDATE, 0, 0, b"123")], FRAME_SIZE_ERROR),
    ("6.9.1 the connection's window overflows", [frames.window_update(0, 2**31 - 1)], FLOW_CONTROL_ERROR),
    (
        "6.9.2 a stream's window overflows by SETTINGS",
        [OPEN, frames.window_update(1, 2**31 - 1 - 65_535), frames.settings({4: 65_536})],
        FLOW_CONTROL_ERROR,
    ),
    ("6.10 CONTINUATION without HEADERS", [OPEN, frame(9, END_HEADERS, 1, b"")], PROTOCOL_ERROR),
    ("6.10 CONTINUATION on stream 0", [head(1, 0), frame(9, END_HEADERS, 0, b"")], PROTOCOL_ERROR),
]


@pytest.mark.parametrize(("sent", "code"), [pytest.param(case[1], case[2], id=case[0]) for case in CONNECTION_ERRORS])
def test_connection_errors(sent: list[bytes], code: int) -> None:
    peer = Peer()
    heard = peer.send(*sent)
    assert heard[-1] == ("failed", code)
    kind, _, stream, payload = peer.answered()[-1]
    assert (kind, stream, payload[4:8]) == (frames.GOAWAY, 0, code.to_bytes(4, "big"))
    assert peer.send(frames.ping(b"12345678")) == []
    assert peer.answered() == []


CLOSE = head(1)

STREAM_ERRORS: Cases = [
    ("5.1 DATA behind END_STREAM", [CLOSE, data(1)], STREAM_CLOSED),
    ("5.1 HEADERS behind END_STREAM", [CLOSE, head(1)], STREAM_CLOSED),
    ("6.9 WINDOW_UPDATE of 0", [OPEN, frames.window_update(1, 0)], PROTOCOL_ERROR),
    ("6.9.1 window overflows", [OPEN, frames.window_update(1, 2**31 - 1)], FLOW_CONTROL_ERROR),
    ("6.3 PRIORITY of another size", [OPEN, frame(frames.PRIORITY, 0, 1, b"1234")], FRAME_SIZE_ERROR),
    ("8.1 trailers without END_STREAM", [OPEN, head(1, END_HEADERS, b"\x00\x01a\x01b")], PROTOCOL_ERROR),
    ("8.1 pseudo-header in trailers", [OPEN, head(1, END_HEADERS | END_STREAM, b"\x82")], PROTOCOL_ERROR),
]


@pytest.mark.parametrize(("sent", "code"), [pytest.param(case[1], case[2], id=case[0]) for case in STREAM_ERRORS])
def test_stream_errors(sent: list[bytes], code: int) -> None:
    peer = Peer()
    heard = peer.send(*sent)
    assert heard[-1] == ("reset", 1, code)
    assert (frames.RST_STREAM, 0, 1, code.to_bytes(4, "big")) in peer.answered()
    assert peer.send(head(3))[-1][:2] == ("headers", 3)


def test_streams_above_our_limit_are_refused() -> None:
    """Section 5.1.2."""
    peer = Peer(settings=H2Settings(max_concurrent_streams=2))
    heard = peer.send(*[head(stream, END_HEADERS) for stream in (1, 3, 5)])
    assert [event[1] for event in heard] == [1, 3]
    assert peer.answered() == [(frames.RST_STREAM, 0, 5, errors.REFUSED_STREAM.to_bytes(4, "big"))]


def test_data_behind_the_clients_own_reset_is_a_stream_error() -> None:
    """Section 5.1: STREAM_CLOSED."""
    peer = Peer()
    peer.send(OPEN, frames.rst_stream(1, 8))
    peer.answered()
    assert peer.send(data(1)) == []
    assert peer.answered() == [(frames.RST_STREAM, 0, 1, STREAM_CLOSED.to_bytes(4, "big"))]


NOTHING: list[tuple[str, list[bytes]]] = [
    ("4.1 unknown frame type", [frame(0x77, 0xFF, 99, b"payload")]),
    ("4.1 undefined flags", [frame(frames.PING, 0x16, 0, b"12345678")]),
    ("4.1 reserved bit of the stream", [frame(frames.PING, 0, 0x80000000, b"12345678")]),
    ("5.1 PRIORITY on an idle stream", [frame(frames.PRIORITY, 0, 99, b"12345")]),
    ("5.5 unknown setting", [frames.settings({0x99: 1})]),
    ("6.5.2 push allowed by a client", [frames.settings({2: 1})]),
    ("6.8 GOAWAY of a client", [frames.goaway(0, 0, b"text")]),
    ("6.4 RST_STREAM on a closed stream", [OPEN, frames.rst_stream(1, 8), frames.rst_stream(1, 8)]),
    ("6.9 WINDOW_UPDATE on a closed stream", [OPEN, frames.rst_stream(1, 8), frames.window_update(1, 1)]),
    ("6.3 PRIORITY on a closed stream", [OPEN, frames.rst_stream(1, 8), frame(frames.PRIORITY, 0, 1, b"12345")]),
    ("6.2 priority and padding", [head(1, END_HEADERS | PRIORITY_FLAG | PADDED, b"\x02" + b"12345" + GET + b"\0\0")]),
    ("6.10 empty CONTINUATION", [head(1, 0), frame(9, 0, 1, b""), frame(9, END_HEADERS, 1, b"")]),
    ("6.10 HEADERS without a byte", [head(1, 0, b""), frame(9, END_HEADERS, 1, GET)]),
]


@pytest.mark.parametrize("sent", [pytest.param(case[1], id=case[0]) for case in NOTHING])
def test_what_must_be_ignored_or_accepted(sent: list[bytes]) -> None:
    peer = Peer()
    peer.send(*sent)
    assert peer.connection.failed is None
    assert peer.send(head(101))[-1][:2] == ("headers", 101)


def test_data_on_a_closed_stream_is_a_stream_error() -> None:
    peer = Peer()
    peer.send(head(1))
    peer.connection.send_headers(peer.recorder.streams[1], RESPONSE, end=True)
    peer.answered()
    assert peer.send(data(1)) == []
    assert peer.answered() == [(frames.RST_STREAM, 0, 1, STREAM_CLOSED.to_bytes(4, "big"))]


def test_headers_on_a_closed_stream_are_a_connection_error() -> None:
    peer = Peer()
    peer.send(head(1))
    peer.connection.send_headers(peer.recorder.streams[1], RESPONSE, end=True)
    assert peer.send(head(1)) == [("failed", STREAM_CLOSED)]


def test_late_frames_of_a_stream_that_we_reset_are_dropped() -> None:
    """Their header blocks still change the table."""
    peer = Peer()
    peer.send(OPEN)
    peer.connection.reset(peer.recorder.streams[1], errors.CANCEL)
    peer.answered()
    assert peer.send(data(1), head(1, block=b"\x40\x01a\x01b"), frames.window_update(1, 5)) == []
    assert peer.answered() == []
    ((_, _, headers, _),) = peer.send(head(3, block=GET + b"\xbe"))
    assert headers[-1] == (b"a", b"b")


def test_a_setting_is_acknowledged_and_the_encoder_obeys_it() -> None:
    peer = Peer()
    assert peer.send(frames.settings({1: 0})) == [("settings",)]
    assert peer.answered() == [(frames.SETTINGS, frames.ACK, 0, b"")]
    peer.send(OPEN)
    peer.connection.send_headers(peer.recorder.streams[1], RESPONSE)
    ((_, _, _, block),) = peer.answered()
    assert block[0] == 0x20


def test_ping_is_answered() -> None:
    peer = Peer()
    peer.send(frames.ping(b"12345678"))
    assert peer.answered() == [(frames.PING, frames.ACK, 0, b"12345678")]


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        pytest.param(frame(frames.HEADERS, END_HEADERS, 2, OK), PROTOCOL_ERROR, id="stream that a server opens"),
        pytest.param(frame(frames.HEADERS, END_HEADERS, 3, OK), PROTOCOL_ERROR, id="response to an idle stream"),
        pytest.param(frame(frames.PUSH_PROMISE, END_HEADERS, 1, b"\0\0\0\2" + GET), PROTOCOL_ERROR, id="push"),
        pytest.param(frames.settings({2: 1}), PROTOCOL_ERROR, id="ENABLE_PUSH of a server"),
        pytest.param(frames.window_update(2, 1), PROTOCOL_ERROR, id="WINDOW_UPDATE on an idle stream"),
    ],
)
def test_connection_errors_of_a_server(sent: bytes, code: int) -> None:
    peer = Peer(client=True)
    peer.connection.send_headers(peer.connection.open_stream(None), [(b":method", b"GET")], end=True)
    assert peer.send(sent)[-1] == ("failed", code)


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param([data(1)], id="DATA in front of the head"),
        pytest.param([frame(frames.HEADERS, END_HEADERS | END_STREAM, 1, b"\x08\x03100")], id="1xx that ends"),
        pytest.param([frame(frames.HEADERS, END_HEADERS, 1, b"\x08\x03101")], id="101"),
        pytest.param([frame(frames.HEADERS, END_HEADERS, 1, OK)] * 2, id="a second head"),
        pytest.param([frame(frames.HEADERS, END_HEADERS, 1, b"\x00\x01a\x01b")], id="no status"),
        pytest.param([head(1, END_HEADERS | END_STREAM, OK + b"\x0f\x0d\x015")], id="body shorter than its length"),
        pytest.param([head(1, END_HEADERS, OK + b"\x0f\x0d\x011"), data(1, b"ab")], id="body longer than its length"),
        pytest.param([head(1, END_HEADERS, OK + b"\x0f\x0d\x013"), data(1, b"ab", 1)], id="body ends too early"),
        pytest.param(
            [head(1, END_HEADERS, OK + b"\x0f\x0d\x013"), head(1, END_HEADERS | END_STREAM, b"\x00\x01a\x01b")],
            id="trailers in place of the body",
        ),
    ],
)
def test_malformed_responses(sent: list[bytes]) -> None:
    peer = Peer(client=True)
    peer.connection.send_headers(peer.connection.open_stream(None), [(b":method", b"GET")], end=True)
    assert peer.send(*sent)[-1] == ("reset", 1, PROTOCOL_ERROR)
    assert peer.connection.active == 0


def test_the_preface() -> None:
    for wrong in (b"GET / HTTP/1.1\r\n", b"PRI * HTTP/2.0\r\n\r\nXX", frames.PREFACE + frames.ping(b"12345678")):
        server, recorder = connect(False)
        server.receive(wrong)
        assert recorder.events == [("failed", PROTOCOL_ERROR)]
    server, recorder = connect(False)
    server.receive(frames.PREFACE + frames.SETTINGS_ACK)
    assert recorder.events == [("failed", PROTOCOL_ERROR)]


def test_goaway_names_the_last_stream() -> None:
    peer = Peer()
    peer.send(head(1), head(7))
    peer.connection.goaway(errors.INTERNAL_ERROR)
    assert parse_frames(written(peer.connection)) == [(frames.GOAWAY, 0, 0, b"\0\0\0\7\0\0\0\2")]


def test_an_answer_to_no_ping_is_not_heard() -> None:
    peer = Peer()
    assert peer.send(frames.ping(b"12345678", frames.ACK)) == []
