"""First reads of many protocols."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linkerd_proxy.codec.detect import Detected, detect

H1, H2, OPAQUE = Detected.HTTP1, Detected.HTTP2, Detected.OPAQUE

TABLE: list[tuple[bytes, Detected]] = [
    (b"", Detected.EMPTY),
    (b"GET / HTTP/1.1", H1),
    (b"GET / HTTP/1.1\r\nHost: web\r\n\r\n", H1),
    (b"GET / HTTP/1.0\r\n\r\n", H1),
    (b"GET / HTTP/1.1\nHost: web\n\n", H1),
    (b"\r\n\r\nGET / HTTP/1.1\r\n", H1),
    (b"POST /a/long/path HTT", H1),
    (b"POST /a/long/path", H1),
    (b"POST /a/long/path ", H1),
    (b"AVERYLONGMETHODNAME", H1),
    (b"GET / HTTP/1.1\r\nHost: web\r\n\r\n\x00\x01", H1),
    (b"GET / HTTP/1.1\r\nHos", H1),
    (b"GET / HTTP/1.1\r\nHost: we", H1),
    (b"GET / HTTP/1.1\r", H1),
    (b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 300, H1),
    (b"PRI * HTTP/2.0", H2),
    (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", H2),
    (b"PRI * HTTP/2.", OPAQUE),
    (b"GET / HTTP/1", OPAQUE),
    (b"GET / HTTP/2.0\r\n", OPAQUE),
    (b"GET / HTTP/1.2\r\n", OPAQUE),
    (b"GET /\x00 HTTP/1.1\r\n", OPAQUE),
    (b"GET  / HTTP/1.1\r\n", OPAQUE),
    (b"GET / HTTP/1.1 \r\n", OPAQUE),
    (b"GET / HTTP/1.1\r\n folded: x\r\n", OPAQUE),
    (b"GET / HTTP/1.1\r\nname : x\r\n", OPAQUE),
    (b"GET / HTTP/1.1\r\nname\r\n", OPAQUE),
    (b"GET / HTTP/1.1\r\nname: \x00", OPAQUE),
    (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03abcdef", OPAQUE),
    (b"*1\r\n$4\r\nPING\r\n", OPAQUE),
    (b"EHLO mail.example.com\r\n", OPAQUE),
    (b"SSH-2.0-OpenSSH_9.6\r\n", OPAQUE),
    (b"\x00\x00\x00\x54\x00\x03\x00\x00user\x00postgres", OPAQUE),
    (b"HTTP/1.1 200 OK\r\n", OPAQUE),
]


@pytest.mark.parametrize(("first_read", "expected"), TABLE)
def test_first_reads(first_read: bytes, expected: Detected) -> None:
    assert detect(first_read) is expected


@settings(deadline=None)
@given(st.integers(14, 80))
def test_any_part_of_a_request_is_one(size: int) -> None:
    request = b"PATCH http://web.emojivoto:80/api?x=1 HTTP/1.1\r\nHost: web\r\nX-A:\tb\r\nEmpty:\r\n\r\nbody"
    assert detect(request[:size]) is H1


@settings(deadline=None)
@given(st.binary(max_size=60))
def test_every_read_has_an_answer(data: bytes) -> None:
    assert detect(data) in Detected
