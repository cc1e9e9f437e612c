"""Malformed messages (RFC 9113 section 8), each refused by itself, with the connection unharmed."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from services.proxy.tests.codec.h2.wire import REQUEST, Peer

from linkerd_proxy.codec.h2 import validation
from linkerd_proxy.codec.h2.errors import PROTOCOL_ERROR
from linkerd_proxy.codec.h2.frames import END_HEADERS, END_STREAM, HEADERS, frame
from linkerd_proxy.codec.h2.hpack import Encoder
from linkerd_proxy.codec.headers import Header, Headers

METHOD, SCHEME, AUTHORITY, PATH = REQUEST

BAD_REQUESTS: list[tuple[str, Headers]] = [
    ("no method", [SCHEME, AUTHORITY, PATH]),
    ("no scheme", [METHOD, AUTHORITY, PATH]),
    ("no path", [METHOD, SCHEME, AUTHORITY]),
    ("empty path", [METHOD, SCHEME, AUTHORITY, (b":path", b"")]),
    ("path without a slash", [METHOD, SCHEME, AUTHORITY, (b":path", b"x")]),
    ("path with a space", [METHOD, SCHEME, AUTHORITY, (b":path", b"/ HTTP/1.1")]),
    ("path with a tab", [METHOD, SCHEME, AUTHORITY, (b":path", b"/\tx")]),
    ("asterisk but not OPTIONS", [METHOD, SCHEME, AUTHORITY, (b":path", b"*")]),
    ("method with a space", [(b":method", b"GET /"), SCHEME, AUTHORITY, PATH]),
    ("empty method", [(b":method", b""), SCHEME, AUTHORITY, PATH]),
    ("empty scheme", [METHOD, (b":scheme", b""), AUTHORITY, PATH]),
    ("empty authority", [METHOD, SCHEME, (b":authority", b""), PATH]),
    ("user information in the authority", [METHOD, SCHEME, (b":authority", b"me@web"), PATH]),
    ("repeated method", [METHOD, *REQUEST]),
    ("repeated path", [*REQUEST, PATH]),
    ("pseudo-header of a response", [*REQUEST, (b":status", b"200")]),
    ("unknown pseudo-header", [*REQUEST, (b":protocol", b"websocket")]),
    ("pseudo-header behind a field", [METHOD, SCHEME, (b"a", b"b"), AUTHORITY, PATH]),
    ("Host differs", [*REQUEST, (b"host", b"other")]),
    ("two Hosts", [*REQUEST, (b"host", b"web"), (b"host", b"web")]),
    ("CONNECT with a path", [(b":method", b"CONNECT"), AUTHORITY, PATH]),
    ("CONNECT with a scheme", [(b":method", b"CONNECT"), AUTHORITY, SCHEME]),
    ("CONNECT without an authority", [(b":method", b"CONNECT")]),
]

BAD_FIELDS: list[tuple[str, Headers]] = [
    ("upper-case name", [(b"Name", b"x")]),
    ("empty name", [(b"", b"x")]),
    ("space in a name", [(b"a b", b"x")]),
    ("colon in a name", [(b"a:b", b"x")]),
    ("control character in a name", [(b"a\x00", b"x")]),
    ("byte above ASCII in a name", [(b"\xe4", b"x")]),
    ("NUL in a value", [(b"a", b"x\x00y")]),
    ("CR in a value", [(b"a", b"x\ry")]),
    ("LF in a value", [(b"a", b"x\ny")]),
    ("DEL in a value", [(b"a", b"x\x7fy")]),
    ("space in front of a value", [(b"a", b" x")]),
    ("space behind a value", [(b"a", b"x ")]),
    ("tab in front of a value", [(b"a", b"\tx")]),
    ("value of a space", [(b"a", b" ")]),
    ("Connection", [(b"connection", b"close")]),
    ("Proxy-Connection", [(b"proxy-connection", b"close")]),
    ("Keep-Alive", [(b"keep-alive", b"1")]),
    ("Transfer-Encoding", [(b"transfer-encoding", b"chunked")]),
    ("Upgrade", [(b"upgrade", b"h2c")]),
    ("TE other than trailers", [(b"te", b"gzip, trailers")]),
    ("Content-Length with a sign", [(b"content-length", b"+1")]),
    ("Content-Length as a list", [(b"content-length", b"1, 1")]),
    ("repeated Content-Length", [(b"content-length", b"1"), (b"content-length", b"1")]),
    ("endless Content-Length", [(b"content-length", b"1" * 19)]),
]


def refused(headers: Headers) -> None:
    """Twice: the second time the block is known."""
    peer, encoder = Peer(), Encoder()
    for stream in (1, 3, 5, 7):
        heard = peer.send(frame(HEADERS, END_HEADERS, stream, encoder.encode(headers)))
        assert heard == []
        kind, _, reset, payload = peer.answered()[-1]
        assert (kind, reset, payload) == (3, stream, PROTOCOL_ERROR.to_bytes(4, "big"))
    assert peer.connection.failed is None
    assert peer.connection.active == 0
    heard = peer.send(frame(HEADERS, END_HEADERS | END_STREAM, 9, encoder.encode(REQUEST)))
    assert heard == [("headers", 9, REQUEST, True)]


@pytest.mark.parametrize("headers", [pytest.param(case[1], id=case[0]) for case in BAD_REQUESTS])
def test_malformed_requests(headers: Headers) -> None:
    refused(headers)


@pytest.mark.parametrize("fields", [pytest.param(case[1], id=case[0]) for case in BAD_FIELDS])
def test_malformed_fields(fields: Headers) -> None:
    refused([*REQUEST, *fields])


@pytest.mark.parametrize("fields", [pytest.param(case[1], id=case[0]) for case in BAD_FIELDS])
def test_malformed_fields_of_responses_and_trailers(fields: Headers) -> None:
    status = (b":status", b"200")
    assert validation.judge([status, *fields], trailers=False, client=True)[2] == validation.MALFORMED
    assert validation.judge(fields, trailers=True, client=True)[2] == validation.MALFORMED


@pytest.mark.parametrize(
    "headers",
    [
        REQUEST,
        [METHOD, SCHEME, PATH],
        [METHOD, SCHEME, PATH, (b"host", b"web")],
        [*REQUEST, (b"host", b"WEB")],
        [(b":method", b"OPTIONS"), SCHEME, AUTHORITY, (b":path", b"*")],
        [(b":method", b"CONNECT"), AUTHORITY],
        [(b":method", b"M-SEARCH"), SCHEME, (b":authority", b"[::1]:80"), (b":path", b"/a?b=c")],
        [*REQUEST, (b"te", b"trailers"), (b"x", b""), (b"y", b"a\tb"), (b"z", "ä".encode())],
    ],
)
def test_well_formed_requests(headers: Headers) -> None:
    assert validation.judge(headers, trailers=False, client=False)[2] == 0


@pytest.mark.parametrize("status", [b"", b"20", b"2000", b"abc", b"099", b"101", b"+20", b"\xb2\xb2\xb2"])
def test_wrong_statuses(status: bytes) -> None:
    assert validation.judge([(b":status", status)], trailers=False, client=True)[2] == validation.MALFORMED


@pytest.mark.parametrize("extra", [METHOD, PATH, SCHEME, AUTHORITY, (b":status", b"200")])
def test_responses_have_one_pseudo_header(extra: Header) -> None:
    assert validation.judge([(b":status", b"200"), extra], trailers=False, client=True)[2] == validation.MALFORMED


def test_lengths() -> None:
    assert validation.check_request([*REQUEST, (b"content-length", b"17")]) == 17
    assert validation.check_request(REQUEST) == validation.NO_LENGTH
    assert validation.check_response([(b":status", b"404"), (b"content-length", b"0")]) == (0, 404)


@settings(deadline=None)
@given(st.binary(max_size=6), st.binary(max_size=6))
def test_what_passes_is_one_line_of_http_1(name: bytes, value: bytes) -> None:
    judged = validation.judge([*REQUEST, (name, value)], trailers=False, client=False)
    if judged[2] == 0:
        line = name + b": " + value + b"\r\n"
        assert line.count(b"\n") == line.count(b"\r") == 1
        assert b"\0" not in line
        assert name
        assert name == name.lower()
        assert not set(name) & set(b" :\t\x7f")


def test_the_memo_is_bounded() -> None:
    for number in range(2 * validation.FIELD_MEMO):
        validation.judge([*REQUEST, (b"x", b"%d" % number)], trailers=False, client=False)
    assert len(validation._known) <= validation.FIELD_MEMO
