"""Heads and chunks, and that what we write is what we read."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linkerd_proxy.codec.h1 import head as heads
from linkerd_proxy.codec.h1 import writer
from linkerd_proxy.codec.h1.chunked import ChunkedDecoder
from linkerd_proxy.codec.headers import Headers


def test_heads() -> None:
    for _ in range(2):
        assert (
            writer.request_head(b"GET", b"/a", b"1.1", [(b"host", b"web")]) == b"GET /a HTTP/1.1\r\nhost: web\r\n\r\n"
        )
        assert writer.response_head(200, b"1.1", [(b"a", b"")]) == b"HTTP/1.1 200 OK\r\na: \r\n\r\n"
    assert writer.response_head(299, b"1.0", []) == b"HTTP/1.0 299 \r\n\r\n"
    assert writer.status_line(431) == b"HTTP/1.1 431 Request Header Fields Too Large\r\n"


def test_chunks() -> None:
    assert writer.chunk(b"x" * 26) == b"1a\r\n" + b"x" * 26 + b"\r\n"
    assert writer.chunk(b"") == b""
    assert writer.last_chunk([]) == writer.LAST_CHUNK == b"0\r\n\r\n"
    assert writer.last_chunk([(b"grpc-status", b"0")]) == b"0\r\ngrpc-status: 0\r\n\r\n"


@pytest.mark.parametrize(
    "field", [(b"a", b"b\r\nc: d"), (b"a", b"\n"), (b"a", b"\0"), (b":path", b"/"), (b"", b"x"), (b"a ", b"x")]
)
def test_what_breaks_a_line_is_refused(field: tuple[bytes, bytes]) -> None:
    for _ in range(2):
        with pytest.raises(ValueError, match="not a field"):
            writer.response_head(200, b"1.1", [field])


@pytest.mark.parametrize(
    ("method", "target"), [(b"GET", b"/ HTTP/1.1\r\nx: y"), (b"G ET", b"/"), (b"", b"/"), (b"GET", b"/\x7f")]
)
def test_what_breaks_a_request_line_is_refused(method: bytes, target: bytes) -> None:
    with pytest.raises(ValueError, match="not a request line"):
        writer.request_head(method, target, b"1.1", [])


names = st.from_regex(rb"\A[!#$%&'*+.^_`|~0-9a-z-]{1,9}\Z").filter(lambda name: name not in heads.FRAMING)
values = st.from_regex(rb"\A([!-~\x80-\xff]([ -~\x80-\xff\t]{0,9}[!-~\x80-\xff])?)?\Z")


@settings(deadline=None)
@given(st.lists(st.tuples(names, values), max_size=6))
def test_heads_survive(headers: Headers) -> None:
    assert heads.parse_request(writer.request_head(b"GET", b"/", b"1.1", headers)).headers == headers
    assert heads.parse_response(writer.response_head(404, b"1.0", headers)).headers == headers


@settings(deadline=None)
@given(st.lists(st.binary(max_size=50), max_size=6))
def test_bodies_survive(pieces: list[bytes]) -> None:
    decoder = ChunkedDecoder()
    got: list[bytes] = []
    data = b"".join([*map(writer.chunk, pieces), writer.last_chunk([(b"x", b"y")]), b"next"])
    end = decoder.decode(data, 0, got.append)
    assert b"".join(got) == b"".join(pieces)
    assert decoder.trailers == [(b"x", b"y")]
    assert data[end:] == b"next"


def test_the_memo_is_bounded() -> None:
    for number in range(2 * writer.LINE_MEMO):
        writer.response_head(200, b"1.1", [(b"x-id", b"%d" % number)])
    assert len(writer._lines) <= writer.LINE_MEMO
