import pytest

from linkerd_proxy.codec.h1.head import parse_request, parse_response
from linkerd_proxy.http import h1
from linkerd_proxy.http.exchange import ABSOLUTE_FORM, CONNECT, HTTP_10, HTTP_11, UPGRADE
from linkerd_proxy.http.request import RequestHead


def read(*lines: str) -> RequestHead:
    return h1.request(parse_request("\r\n".join([*lines, "", ""]).encode()))


def test_a_request_in_http2s_form() -> None:
    head = read("GET /a?b HTTP/1.1", "Host: x:1", "A: 1", "Connection: keep-alive, drop", "Drop: 1", "TE: trailers")
    assert head.fields == [
        (b":method", b"GET"),
        (b":scheme", b"http"),
        (b":path", b"/a?b"),
        (b":authority", b"x:1"),
        (b"a", b"1"),
        (b"te", b"trailers"),
    ]
    assert head.version == HTTP_11
    assert head is read(
        "GET /a?b HTTP/1.1", "Host: x:1", "A: 1", "Connection: keep-alive, drop", "Drop: 1", "TE: trailers"
    )


@pytest.mark.parametrize(
    ("line", "authority", "path", "flags"),
    [
        ("GET http://o:81/x?y HTTP/1.1", b"o:81", b"/x?y", ABSOLUTE_FORM),
        ("GET http://o HTTP/1.1", b"o", b"/", ABSOLUTE_FORM),
        ("GET http://o?q HTTP/1.1", b"o", b"/?q", ABSOLUTE_FORM),
        ("OPTIONS http://o HTTP/1.1", b"o", b"*", ABSOLUTE_FORM),
        ("OPTIONS * HTTP/1.1", b"h", b"*", 0),
        ("CONNECT o:443 HTTP/1.1", b"o:443", b"", CONNECT | UPGRADE),
    ],
)
def test_forms_of_targets(line: str, authority: bytes, path: bytes, flags: int) -> None:
    head = read(line, "Host: h")
    assert (head.authority, head.path, head.flags) == (authority, path, flags)


@pytest.mark.parametrize(
    "lines",
    [
        ("GET /a HTTP/1.1", "host: x", "a: 1"),
        ("GET http://o:81/x?y HTTP/1.1", "host: o:81"),
        ("OPTIONS * HTTP/1.1", "host: h"),
        ("CONNECT o:443 HTTP/1.1", "host: o:443"),
        ("GET /a HTTP/1.0", "host: x"),
        ("GET /a HTTP/1.0",),
    ],
)
def test_requests_come_back_as_they_were(lines: tuple[str, ...]) -> None:
    head = read(*lines)
    assert h1.request_head(head, head.fields, False) == "\r\n".join([*lines, "", ""]).encode()


def test_bytes_are_remembered_for_the_same_fields_only() -> None:
    head = read("POST /m HTTP/1.1", "host: x")
    plain = h1.request_head(head, head.fields, False)
    assert h1.request_head(head, head.fields, False) is plain
    assert b"transfer-encoding: chunked" in h1.request_head(head, head.fields, True)
    assert b"l5d-client-id: me" in h1.request_head(head, [*head.fields, (b"l5d-client-id", b"me")], False)


def test_upgrades_keep_connection_and_upgrade() -> None:
    head = read("GET /ws HTTP/1.1", "Host: h", "Connection: Upgrade, x", "Upgrade: websocket", "X: 1")
    assert head.upgrade
    assert (b"connection", b"upgrade") in head.fields
    assert (b"upgrade", b"websocket") in head.fields
    assert (b"x", b"1") not in head.fields
    h2c = read("GET / HTTP/1.1", "Host: h", "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: x")
    assert not h2c.upgrade
    assert [name for name, _ in h2c.fields if not name.startswith(b":")] == []


def test_old_requests() -> None:
    head = read("GET / HTTP/1.0")
    assert head.version == HTTP_10
    assert head.authority == b""


def test_responses() -> None:
    head = parse_response(b"HTTP/1.1 404 Nope\r\nContent-Length: 0\r\nConnection: close\r\nKeep-Alive: 1\r\n\r\n")
    fields = h1.response(head)
    assert fields == [(b":status", b"404"), (b"content-length", b"0")]
    assert h1.response(head) is fields
    assert h1.has_length(fields)
    assert not h1.has_length(fields[:1])
