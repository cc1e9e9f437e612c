"""What two readers could read differently is refused: request smuggling and its relatives, as tables."""

import pytest
from services.proxy.tests.codec.h1.wire import CHUNKED, GET, requests, responses

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"

BAD: list[tuple[str, bytes, int]] = [
    ("Transfer-Encoding with Content-Length", b"Transfer-Encoding: chunked\r\nContent-Length: 5", 400),
    ("Content-Length with Transfer-Encoding", b"Content-Length: 5\r\nTransfer-Encoding: chunked", 400),
    ("two Content-Lengths", b"Content-Length: 5\r\nContent-Length: 6", 400),
    ("the same Content-Length twice", b"Content-Length: 5\r\nContent-Length: 5", 400),
    ("a list of lengths", b"Content-Length: 5, 5", 400),
    ("a signed length", b"Content-Length: +5", 400),
    ("a negative length", b"Content-Length: -5", 400),
    ("a hexadecimal length", b"Content-Length: 0x5", 400),
    ("a length with an underscore", b"Content-Length: 1_0", 400),
    ("no length", b"Content-Length:", 400),
    ("a length in other digits", b"Content-Length: \xc2\xb2", 400),
    ("an endless length", b"Content-Length: " + b"9" * 20, 400),
    ("chunked is not last", b"Transfer-Encoding: chunked, gzip", 400),
    ("chunked twice", b"Transfer-Encoding: chunked, chunked", 400),
    ("chunked in two fields", b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", 400),
    ("not chunked", b"Transfer-Encoding: identity", 400),
    ("no coding", b"Transfer-Encoding:", 400),
    ("quoted coding", b'Transfer-Encoding: "chunked"', 400),
    ("xchunked", b"Transfer-Encoding: xchunked", 400),
    ("coding with vertical tab", b"Transfer-Encoding: \x0bchunked", 400),
    ("gzip below chunked", b"Transfer-Encoding: gzip, chunked", 501),
    ("space in front of the colon", b"Transfer-Encoding : chunked", 400),
    ("space in front of the colon of a length", b"Content-Length : 5", 400),
    ("tab in front of the colon", b"Host\t: web", 400),
    ("folded line", b"X-A: one\r\n two", 400),
    ("folded first line", b" X-A: one", 400),
    ("no colon", b"X-A", 400),
    ("no name", b": x", 400),
    ("space in a name", b"X A: x", 400),
    ("NUL in a name", b"X\0A: x", 400),
    ("NUL in a value", b"X-A: a\0b", 400),
    ("bare CR in a value", b"X-A: a\rContent-Length: 5", 400),
    ("bare LF in a value", b"X-A: a\nContent-Length: 5", 400),
    ("control character", b"X-A: a\x01b", 400),
    ("DEL", b"X-A: a\x7fb", 400),
    ("name above ASCII", b"X-\xe4: b", 400),
    ("two Hosts", b"Host: a\r\nHost: a", 400),
    ("Host with a path", b"Host: a/b", 400),
    ("Host with a space", b"Host: a b", 400),
    ("Host with user information", b"Host: a@b", 400),
    ("201 fields", b"\r\n".join(b"X-%d: y" % i for i in range(201)), 431),
    ("a large head", b"X-A: " + b"y" * 65_536, 431),
]


@pytest.mark.parametrize("step", [0, 1, 1_000])
@pytest.mark.parametrize(("fields", "status"), [pytest.param(case[1], case[2], id=case[0]) for case in BAD])
def test_refused_fields(fields: bytes, status: int, step: int) -> None:
    if step == 1 and len(fields) > 5_000:
        step = 977
    assert requests(b"POST / HTTP/1.1\r\n" + fields + b"\r\n\r\nhello" + GET, step=step) == [("failed", status)]


LINES: list[tuple[bytes, int]] = [
    (b"GET  / HTTP/1.1", 400),
    (b" GET / HTTP/1.1", 400),
    (b"GET / HTTP/1.1 ", 400),
    (b"GET /", 400),
    (b"GET", 400),
    (b"/ HTTP/1.1", 400),
    (b"G@T / HTTP/1.1", 400),
    (b"GET\t/ HTTP/1.1", 400),
    (b"GET / x HTTP/1.1", 400),
    (b"GET /\x00 HTTP/1.1", 400),
    (b"GET /\x7f HTTP/1.1", 400),
    (b"GET / HTTP/1.1\rX: y", 400),
    (b"GET x HTTP/1.1", 400),
    (b"GET * HTTP/1.1", 400),
    (b"GET web:80 HTTP/1.1", 400),
    (b"GET http:/// HTTP/1.1", 400),
    (b"GET http://a@b/ HTTP/1.1", 400),
    (b"CONNECT / HTTP/1.1", 400),
    (b"CONNECT web HTTP/1.1", 400),
    (b"CONNECT web:80 HTTP/1.0", 400),
    (b"GET / HTTP/1.2", 505),
    (b"GET / HTTP/2.0", 505),
    (b"GET / HTTP/0.9", 505),
    (b"GET / http/1.1", 400),
    (b"GET / HTTP/1.10", 400),
    (b"GET / HTTP/1,1", 400),
    (b"GET / ICE/1.1", 400),
]


@pytest.mark.parametrize(("line", "status"), LINES)
def test_refused_request_lines(line: bytes, status: int) -> None:
    assert requests(line + b"\r\nHost: web\r\n\r\n") == [("failed", status)]


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"5 \r\nhello\r\n0\r\n\r\n", id="space behind the size"),
        pytest.param(b" 5\r\nhello\r\n0\r\n\r\n", id="space in front of the size"),
        pytest.param(b"+5\r\nhello\r\n0\r\n\r\n", id="sign"),
        pytest.param(b"-5\r\nhello\r\n0\r\n\r\n", id="minus"),
        pytest.param(b"0x5\r\nhello\r\n0\r\n\r\n", id="0x"),
        pytest.param(b"5_0\r\nhello\r\n0\r\n\r\n", id="underscore"),
        pytest.param(b"\r\nhello\r\n0\r\n\r\n", id="no size"),
        pytest.param(b";x\r\nhello\r\n0\r\n\r\n", id="only an extension"),
        pytest.param(b"g\r\nhello\r\n0\r\n\r\n", id="not hexadecimal"),
        pytest.param(b"5\nhello\r\n0\r\n\r\n", id="bare LF behind the size"),
        pytest.param(b"5\r\nhelloX\r\n0\r\n\r\n", id="chunk longer than its size"),
        pytest.param(b"5\r\nhello\n0\r\n\r\n", id="bare LF behind the data"),
        pytest.param(b"5\r\nhello\r0\r\n\r\n", id="bare CR behind the data"),
        pytest.param(b"5;a\nb\r\nhello\r\n0\r\n\r\n", id="LF in an extension (CVE-2025-22871)"),
        pytest.param(b"5;a\rb\r\nhello\r\n0\r\n\r\n", id="CR in an extension"),
        pytest.param(b"1" + b"0" * 16 + b"\r\n", id="endless size"),
        pytest.param(b"5;" + b"x" * 2_000 + b"\r\nhello\r\n0\r\n\r\n", id="long extension"),
        pytest.param((b"1;" + b"x" * 900 + b"\r\na\r\n") * 20, id="many extensions"),
        pytest.param(b"0\r\nX: y\nZ: 1\r\n\r\n", id="bare LF in trailers"),
        pytest.param(b"0\r\nX : y\r\n\r\n", id="space in a trailer's name"),
        pytest.param(b"0\r\n X: y\r\n\r\n", id="folded trailer"),
    ],
)
@pytest.mark.parametrize("step", [0, 1])
def test_refused_chunks(body: bytes, step: int) -> None:
    events = requests(CHUNKED + body + GET, step=step)
    assert events[-1] == ("failed", 400)
    assert ("complete", []) not in events
    assert len([event for event in events if event[0] == "request"]) == 1


def test_large_trailers_are_refused() -> None:
    assert requests(CHUNKED + b"0\r\n" + b"X: %b\r\n" % (b"y" * 5_000) * 4 + b"\r\n")[-1] == ("failed", 431)
    assert requests(CHUNKED + b"0\r\n" + b"X: y\r\n" * 101 + b"\r\n")[-1] == ("failed", 431)
    assert requests(CHUNKED + b"0\r\nX: " + b"y" * 20_000)[-1] == ("failed", 400)


@pytest.mark.parametrize(
    "data",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: y\r\n z\r\n\r\n",
        b"HTTP/1.1 99 OK\r\n\r\n",
        b"HTTP/1.1 2000 OK\r\n\r\n",
        b"HTTP/2.0 200 OK\r\n\r\n",
        b"HTTP/1.1  200 OK\r\n\r\n",
        b"HTTP/1.1 200 O\x00K\r\n\r\n",
        b"HTTP/1.1 200 OK\nX: y\n\n",
        b"HTTP/1.1 100 Continue\r\n\r\n" * 40,
        b"garbage\r\n\r\n",
    ],
)
def test_refused_responses(data: bytes) -> None:
    assert responses(data)[-1][0] == "failed"


def test_a_response_that_nobody_asked_for() -> None:
    assert responses(OK + OK)[-1] == ("failed", 400)


@pytest.mark.parametrize("step", [0, 1, 3])
def test_a_line_feed_behind_a_body_that_ends_in_a_carriage_return(step: int) -> None:
    sent = b"PUT / HTTP/1.1\r\nHost: web\r\nContent-Length: 2\r\n\r\nh\r\n\r\nGET"
    assert requests(sent, step=step)[-1] == ("failed", 400)
