"""The h2 library hears the same conversations, and gives the same verdict on the same bytes."""

from typing import Any

import h2.config
import h2.connection
import h2.events
import h2.exceptions
from hypothesis import given, settings
from hypothesis import strategies as st
from services.proxy.tests.codec.h2.wire import POST, REQUEST, RESPONSE, connect, written

from linkerd_proxy.codec.h2 import frames
from linkerd_proxy.codec.h2.connection import H2Connection
from linkerd_proxy.codec.h2.frames import frame

GET = b"\x82\x86\x84\x01\x01a"


def library(client: bool) -> Any:
    """Any: the library is not typed for our settings of mypy."""
    theirs = h2.connection.H2Connection(h2.config.H2Configuration(client_side=client, header_encoding=None))
    theirs.initiate_connection()
    return theirs


def exchange(ours: H2Connection, theirs: Any) -> list[Any]:
    events: list[Any] = []
    while True:
        to_them, to_us = written(ours), theirs.data_to_send()
        if not to_them and not to_us:
            return events
        events += theirs.receive_data(to_them)
        ours.receive(to_us)


def test_our_client_and_their_server() -> None:
    ours, heard = connect(True)
    theirs = library(False)
    for number in range(5):
        stream = ours.open_stream(None)
        ours.send_headers(stream, [*POST, (b"x-app", b"web")])
        ours.send_data(stream, b"q" * 20_000, end=True)
        events = exchange(ours, theirs)
        (request,) = [event for event in events if isinstance(event, h2.events.RequestReceived)]
        assert request.headers == [*POST, (b"x-app", b"web")]
        got = [event.data for event in events if isinstance(event, h2.events.DataReceived)]
        assert b"".join(got) == b"q" * 20_000
        theirs.acknowledge_received_data(20_000, stream.id)
        theirs.send_headers(stream.id, RESPONSE)
        theirs.send_data(stream.id, b"a" * 16_000)
        theirs.send_headers(stream.id, [(b"grpc-status", b"0")], end_stream=True)
        exchange(ours, theirs)
        events_here = [event for event in heard.take() if event[0] != "settings"]
        assert events_here[0] == ("headers", stream.id, RESPONSE, False), number
        assert events_here[-1] == ("trailers", stream.id, [(b"grpc-status", b"0")])
    assert ours.active == 0


def test_their_client_and_our_server() -> None:
    ours, heard = connect(False)
    theirs = library(True)
    for number in range(5):
        stream_id = theirs.get_next_available_stream_id()
        theirs.send_headers(stream_id, REQUEST, end_stream=True)
        exchange(ours, theirs)
        assert heard.take()[-1] == ("headers", stream_id, REQUEST, True)
        stream = heard.streams[stream_id]
        ours.send_headers(stream, [*RESPONSE, (b"x-number", b"%d" % number)])
        ours.send_data(stream, b"answer", end=True)
        events = exchange(ours, theirs)
        assert [event.data for event in events if isinstance(event, h2.events.DataReceived)] == [b"answer"]
        assert any(isinstance(event, h2.events.StreamEnded) for event in events)


def some(kind: int, flags: list[int], streams: list[int], payloads: list[bytes]) -> st.SearchStrategy[bytes]:
    return st.builds(frame, st.just(kind), st.sampled_from(flags), st.sampled_from(streams), st.sampled_from(payloads))


STREAMS = [0, 1, 1, 1, 3, 3, 2]
BLOCKS = [GET, GET, GET, b"\x82", b"\x00\x01a\x01b", b"\x00\x01A\x01b", GET + b"\x0f\x0d\x013", b"\xff"]
NUMBERS = [b"\0\0\0\0", b"\0\0\0\1", b"\x7f\xff\xff\xff", b"\0\1"]

one_frame = st.one_of(
    some(frames.HEADERS, [0, 1, 4, 5, 5, 5, 8, 0x20], STREAMS, BLOCKS),
    some(frames.DATA, [0, 0, 1, 8], STREAMS, [b"", b"abc", b"\2ab"]),
    some(frames.CONTINUATION, [0, 4, 4], STREAMS, BLOCKS),
    some(frames.RST_STREAM, [0], STREAMS, NUMBERS),
    some(frames.WINDOW_UPDATE, [0], STREAMS, NUMBERS),
    some(frames.PING, [0, 1], [0, 0, 1], [b"12345678", b""]),
    some(frames.PRIORITY, [0], STREAMS, [b"\0\0\0\0\1", b"\0"]),
    some(frames.GOAWAY, [0], [0, 0, 1], [b"\0" * 8, b"\0"]),
    some(frames.SETTINGS, [0, 1], [0, 0, 1], [b"", b"123"]),
    some(0x77, [0, 0xFF], [0, 1, 99], [b"", b"abc"]),
    st.builds(
        lambda key, value: frames.settings({key: value}),
        st.sampled_from([1, 2, 3, 4, 5, 6, 9]),
        st.sampled_from([0, 1, 16_384, 2**31]),
    ),
)


def verdict_of_library(sent: list[bytes]) -> int | None:
    """The frame that ended its connection."""
    theirs = library(False)
    theirs.receive_data(frames.PREFACE + frames.settings({}))
    for number, data in enumerate(sent):
        try:
            theirs.receive_data(data)
        except h2.exceptions.ProtocolError:
            return number
    return None


def verdict_of_ours(sent: list[bytes]) -> tuple[int | None, int | None]:
    """The frame that ended the connection, and the first at which anything was refused."""
    ours, _ = connect(False)
    ours.receive(frames.PREFACE + frames.settings({}))
    refused: int | None = None
    for number, data in enumerate(sent):
        written(ours)
        ours.receive(data)
        if ours.failed is not None:
            return number, number if refused is None else refused
        if refused is None and any(out[3:4] == b"\x03" for out in ours.out):
            refused = number
    return None, refused


@settings(deadline=None, max_examples=400)
@given(st.lists(one_frame, max_size=6))
def test_what_the_library_refuses_is_not_accepted_here(sent: list[bytes]) -> None:
    """The library makes connection errors of some stream errors and the reverse, so only the verdict is compared: the
    first frame that it refuses must have been refused here by then."""
    theirs = verdict_of_library(sent)
    failed, refused = verdict_of_ours(sent)
    if theirs is not None and not is_known_difference(sent[theirs], sent[:theirs]):
        assert refused is not None
        assert refused <= theirs
    if failed is not None:
        assert refused is not None


def is_known_difference(data: bytes, before: list[bytes]) -> bool:
    """What the library refuses beyond RFC 9113: any frame behind a GOAWAY; an update of the window of a stream that was
    reset, which is ignored as late, whatever it says (section 5.1, "closed")."""
    late = data[3] == frames.WINDOW_UPDATE and any(s[3] == frames.RST_STREAM and s[5:9] == data[5:9] for s in before)
    return late or any(sent[3] == frames.GOAWAY for sent in before)


def test_a_late_update_of_the_window_of_a_stream_that_was_reset_is_ignored() -> None:
    sent = [frame(frames.HEADERS, 5, 1, GET), frame(frames.RST_STREAM, 0, 1, b"\0\0\0\x08")]
    late = frame(frames.WINDOW_UPDATE, 0, 1, b"\0\0\0\0")
    assert verdict_of_ours([*sent, late]) == (None, None)
    assert verdict_of_ours([sent[0], late])[1] == 1, "on a stream that lives it is an error (section 6.9)"


@settings(deadline=None, max_examples=300)
@given(st.binary(max_size=200), st.booleans())
def test_random_bytes_never_raise(data: bytes, client: bool) -> None:
    ours, heard = connect(client)
    if client:
        ours.send_headers(ours.open_stream(None), REQUEST, end=True)
    ours.receive(b"" if client else frames.PREFACE)
    ours.receive(frames.settings({}))
    ours.receive(data)
    for _ in range(3):
        ours.receive(data)
    assert [event[0] for event in heard.events].count("failed") <= 1


@settings(deadline=None, max_examples=200)
@given(st.lists(one_frame, max_size=8), st.integers(1, 20))
def test_the_cut_of_the_bytes_does_not_matter(sent: list[bytes], size: int) -> None:
    data = frames.PREFACE + frames.settings({}) + b"".join(sent)
    whole, heard = connect(False)
    whole.receive(data)
    split, heard_split = connect(False)
    for i in range(0, len(data), size):
        split.receive(data[i : i + size])
    assert heard.events == heard_split.events
    assert written(whole) == written(split)
