"""HTTP/1 messages as transcripts: bytes in, calls out; whole, and cut at every byte."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from services.proxy.tests.codec.h1.wire import CHUNKED, GET, GOT, Event, Recorder, requests, responses

from linkerd_proxy.codec.h1 import head as heads
from linkerd_proxy.codec.h1.reader import RequestReader, ResponseReader

GOOD: list[tuple[str, bytes, list[Event]]] = [
    ("a request", GET, GOT),
    ("a pipeline", GET * 3, GOT * 3),
    ("empty lines in front", b"\r\n\r\n" + GET + b"\r\n" + GET, GOT * 2),
    (
        "a body by length",
        b"POST /a HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello" + GET,
        [("request", b"POST", b"/a", [(b"content-length", b"5")]), ("body", b"hello"), ("complete", []), *GOT],
    ),
    (
        "a length of 0",
        b"POST /a HTTP/1.1\r\nContent-Length: 0\r\n\r\n" + GET,
        [("request", b"POST", b"/a", [(b"content-length", b"0")]), ("complete", []), *GOT],
    ),
    (
        "chunks and trailers",
        CHUNKED + b"5\r\nhello\r\n00a;name=v\r\n, world...\r\n0\r\nX-Sum: 1\r\nContent-Length: 3\r\n\r\n" + GET,
        [
            ("request", b"POST", b"/a", [(b"host", b"web"), (b"transfer-encoding", b"chunked")]),
            ("body", b"hello, world..."),
            ("complete", [(b"x-sum", b"1")]),
            *GOT,
        ],
    ),
    (
        "no chunks",
        CHUNKED + b"0\r\n\r\n" + GET,
        [
            ("request", b"POST", b"/a", [(b"host", b"web"), (b"transfer-encoding", b"chunked")]),
            ("complete", []),
            *GOT,
        ],
    ),
    (
        "values are trimmed, names lower-cased",
        b"GET http://web/x?y HTTP/1.0\r\nX-A:\t one two \t\r\nX-B:\r\nx-c:z\r\n\r\n",
        [
            ("request", b"GET", b"http://web/x?y", [(b"x-a", b"one two"), (b"x-b", b""), (b"x-c", b"z")]),
            ("complete", []),
        ],
    ),
    ("OPTIONS *", b"OPTIONS * HTTP/1.1\r\n\r\n", [("request", b"OPTIONS", b"*", []), ("complete", [])]),
    ("an unknown method", b"BREW /pot HTTP/1.1\r\n\r\n", [("request", b"BREW", b"/pot", []), ("complete", [])]),
]


@pytest.mark.parametrize("step", [0, 1, 2, 3, 7])
@pytest.mark.parametrize(("data", "events"), [pytest.param(case[1], case[2], id=case[0]) for case in GOOD])
def test_requests(data: bytes, events: list[Event], step: int) -> None:
    assert requests(data, step=step, eof=True) == events


def test_bare_lf_is_refused_without_waiting() -> None:
    assert requests(b"GET / HTTP/1.1\nHost: web\n\n") == [("failed", 400)]


def test_empty_lines_do_not_go_on_for_ever() -> None:
    assert requests(b"\r\n" * 5) == [("failed", 400)]


def test_what_ends_too_early() -> None:
    assert requests(b"GET / HT", eof=True) == [("failed", 400)]
    assert requests(CHUNKED + b"5\r\nhel", eof=True)[-1] == ("failed", 400)
    assert requests(b"POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nhel", eof=True)[-1] == ("failed", 400)
    assert requests(GET, eof=True) == GOT
    assert responses(b"", eof=True) == [("failed", 400)]


def test_keep_alive() -> None:
    table = [
        (b"1.1", b"", True),
        (b"1.1", b"Connection: close\r\n", False),
        (b"1.1", b"Connection: x, Close\r\n", False),
        (b"1.0", b"", False),
        (b"1.0", b"Connection: Keep-Alive\r\n", True),
        (b"1.0", b"Connection: keep-alive, close\r\n", False),
    ]
    for version, fields, expected in table:
        head = heads.parse_request(b"GET / HTTP/%b\r\n%b\r\n" % (version, fields))
        assert head.keep_alive is expected


def test_pause_keeps_the_rest() -> None:
    recorder = Recorder()
    reader = RequestReader(recorder)
    recorder.on_complete = reader.pause
    reader.feed(GET + GET + GET[:10])
    assert recorder.take() == GOT
    assert reader.buffered == len(GET) + 10
    assert not reader.between_messages
    reader.feed(GET[10:])
    assert recorder.take() == []
    reader.resume()
    assert recorder.take() == GOT
    reader.resume()
    assert recorder.take() == GOT
    assert reader.buffered == 0
    assert reader.between_messages


def test_resume_within_a_call_goes_on() -> None:
    recorder = Recorder()
    reader = RequestReader(recorder)
    reader.pause()
    recorder.on_complete = reader.resume
    reader.resume()
    reader.feed(GET * 100)
    assert recorder.take() == GOT * 100


def test_a_pause_does_not_hold_a_body_back() -> None:
    recorder = Recorder()
    reader = RequestReader(recorder)
    reader.feed(b"POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nhe")
    reader.pause()
    reader.feed(b"llo" + GET)
    assert recorder.take()[1:] == [("body", b"hello"), ("complete", [])]


UPGRADE = b"GET /chat HTTP/1.1\r\nHost: web\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\r\n"


def test_the_reader_stops_behind_an_upgrade() -> None:
    for message in (UPGRADE, b"CONNECT web:80 HTTP/1.1\r\nHost: web:80\r\n\r\n"):
        recorder = Recorder()
        reader = RequestReader(recorder)
        reader.feed(message + GET)
        assert [event[0] for event in recorder.take()] == ["request", "complete"]
        reader.feed(b"more")
        assert reader.take_rest() == GET + b"more"
        reader.feed(b"even more")
        assert recorder.take() == []
        assert reader.take_rest() == b"even more"


def test_a_refused_upgrade_goes_on() -> None:
    recorder = Recorder()
    reader = RequestReader(recorder)
    reader.feed(UPGRADE + GET)
    recorder.take()
    reader.resume()
    assert recorder.take() == GOT


def test_the_rest_can_be_taken_within_a_call() -> None:
    recorder = Recorder()
    reader = RequestReader(recorder)
    taken: list[bytes] = []
    recorder.on_complete = lambda: taken.extend((reader.take_rest(), reader.take_rest()))
    reader.feed(UPGRADE + b"\x81\x05hello")
    assert taken == [b"\x81\x05hello", b""]
    assert reader.buffered == 0


def test_stop() -> None:
    recorder = Recorder()
    reader = RequestReader(recorder)
    recorder.on_complete = reader.stop
    reader.feed(GET * 3)
    reader.feed(GET)
    assert recorder.take() == GOT
    assert reader.buffered == 0


@pytest.mark.parametrize(
    ("fields", "upgrade"),
    [
        (b"Connection: upgrade\r\nUpgrade: websocket\r\n", True),
        (b"Connection: upgrade, http2-settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n", False),
        (b"Upgrade: websocket\r\n", False),
        (b"Connection: upgrade\r\n", False),
    ],
)
def test_what_is_an_upgrade(fields: bytes, upgrade: bool) -> None:
    assert heads.parse_request(b"GET / HTTP/1.1\r\n" + fields + b"\r\n").upgrade is upgrade
    assert heads.parse_request(b"GET / HTTP/1.0\r\n" + fields + b"\r\n").upgrade is False


def test_expect_continue() -> None:
    assert heads.parse_request(b"PUT / HTTP/1.1\r\nExpect: 100-Continue\r\n\r\n").expect_continue
    assert not heads.parse_request(b"PUT / HTTP/1.0\r\nExpect: 100-continue\r\n\r\n").expect_continue


OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
GOT_OK: list[Event] = [("response", 200, [(b"content-length", b"2")]), ("body", b"hi"), ("complete", [])]

RESPONSES: list[tuple[str, bytes, tuple[bytes, ...], list[Event]]] = [
    ("by length", OK, (b"GET",), GOT_OK),
    ("a pipeline", OK * 2, (b"GET", b"POST"), GOT_OK * 2),
    (
        "chunked",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n2\r\nhi\r\n0\r\ngrpc-status: 0\r\n\r\n",
        (b"GET",),
        [
            ("response", 200, [(b"transfer-encoding", b"Chunked")]),
            ("body", b"hi"),
            ("complete", [(b"grpc-status", b"0")]),
        ],
    ),
    (
        "until the end",
        b"HTTP/1.0 200 OK\r\n\r\nall of it",
        (b"GET",),
        [("response", 200, []), ("body", b"all of it"), ("complete", [])],
    ),
    ("until the end, empty", b"HTTP/1.0 200 OK\r\n\r\n", (b"GET",), [("response", 200, []), ("complete", [])]),
    (
        "HEAD",
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n" + OK,
        (b"HEAD", b"GET"),
        [("response", 200, [(b"content-length", b"9")]), ("complete", []), *GOT_OK],
    ),
    (
        "HEAD, chunked",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + OK,
        (b"HEAD", b"GET"),
        [("response", 200, [(b"transfer-encoding", b"chunked")]), ("complete", []), *GOT_OK],
    ),
    (
        "204",
        b"HTTP/1.1 204 No Content\r\n\r\n" + OK,
        (b"GET", b"GET"),
        [("response", 204, []), ("complete", []), *GOT_OK],
    ),
    (
        "304",
        b"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n" + OK,
        (b"GET", b"GET"),
        [("response", 304, [(b"content-length", b"9")]), ("complete", []), *GOT_OK],
    ),
    (
        "interim",
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + OK,
        (b"POST",),
        [("response", 100, []), ("response", 103, [(b"link", b"</a>")]), *GOT_OK],
    ),
    ("no reason", b"HTTP/1.1 204\r\n\r\n", (b"GET",), [("response", 204, []), ("complete", [])]),
    ("empty reason", b"HTTP/1.1 204 \r\n\r\n", (b"GET",), [("response", 204, []), ("complete", [])]),
    (
        "CONNECT refused",
        b"HTTP/1.1 407 No\r\nContent-Length: 2\r\n\r\nhi",
        (b"CONNECT",),
        [("response", 407, [(b"content-length", b"2")]), ("body", b"hi"), ("complete", [])],
    ),
]


@pytest.mark.parametrize("step", [0, 1, 2, 5])
@pytest.mark.parametrize(
    ("data", "methods", "events"), [pytest.param(case[1], case[2], case[3], id=case[0]) for case in RESPONSES]
)
def test_responses(data: bytes, methods: tuple[bytes, ...], events: list[Event], step: int) -> None:
    assert responses(data, *methods, step=step, eof=True) == events


@pytest.mark.parametrize(
    ("method", "head"),
    [
        (b"GET", b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n"),
        (b"CONNECT", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"),
    ],
)
def test_the_protocol_changes(method: bytes, head: bytes) -> None:
    recorder = Recorder()
    reader = ResponseReader(recorder)
    reader.expect(method)
    reader.feed(head + b"\x81\x00")
    assert [event[0] for event in recorder.take()] == ["response", "complete"]
    reader.feed(b"\x82")
    assert reader.take_rest() == b"\x81\x00\x82"
    assert recorder.take() == []


pieces = st.sampled_from(
    [
        GET,
        CHUNKED,
        UPGRADE,
        b"\r\n",
        b"\r",
        b"\n",
        b"5\r\nhello\r\n",
        b"0\r\n\r\n",
        b"GET ",
        b"X: y\r\n",
        b"\0",
        b"\xff",
        b"POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc",
        b"HTTP/1.1",
        b": ",
        b"0\r\nA: b\r\n\r\n",
        b"3",
        b"Host: a\r\n",
    ]
)


@settings(deadline=None, max_examples=300)
@given(st.lists(pieces, max_size=8).map(b"".join), st.integers(1, 9))
def test_the_cut_does_not_matter(data: bytes, step: int) -> None:
    """But for an incomplete head, which may be refused before its end comes."""
    assert requests(data, step=step) == requests(data, step=1)


@settings(deadline=None, max_examples=300)
@given(st.binary(max_size=100) | st.lists(pieces, max_size=6).map(b"".join))
def test_nothing_raises(data: bytes) -> None:
    for events in (requests(data, eof=True), responses(data, b"GET", b"GET", eof=True)):
        assert [event[0] for event in events].count("failed") <= 1


def test_the_memos_are_bounded() -> None:
    for number in range(2 * heads.LINE_MEMO):
        heads.parse_request(b"GET /%d HTTP/1.1\r\nX-Id: %d\r\n\r\n" % (number, number))
        heads.parse_response(b"HTTP/1.1 200 OK\r\nX-Id: %d\r\n\r\n" % number)
    assert len(heads._lines) <= heads.LINE_MEMO
    assert len(heads._requests) <= heads.HEAD_MEMO
    assert len(heads._responses) <= heads.HEAD_MEMO
