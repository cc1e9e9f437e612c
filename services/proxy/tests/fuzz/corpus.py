"""Seeds: one of every kind of message, and inputs that broke something once."""

import ssl
from typing import Final

from linkerd_proxy.codec.h2 import frames
from linkerd_proxy.codec.h2.frames import END_HEADERS, END_STREAM, PADDED, PREFACE, PRIORITY_FLAG, frame

REQUESTS: Final = (
    b"GET / HTTP/1.1\r\nHost: web\r\n\r\n",
    b"GET /a?b=c HTTP/1.0\r\n\r\n",
    b"POST /p HTTP/1.1\r\nHost: web\r\nContent-Length: 4\r\n\r\nbody",
    b"POST /c HTTP/1.1\r\nHost: web\r\nTransfer-Encoding: chunked\r\n\r\n4;x=y\r\nbody\r\n0\r\nX-T: 1\r\n\r\n",
    b"GET http://other:81/x HTTP/1.1\r\nHost: web\r\nConnection: close, x-drop\r\nX-Drop: 1\r\n\r\n",
    b"CONNECT other:443 HTTP/1.1\r\nHost: other:443\r\n\r\n\x16\x03\x01",
    b"GET /ws HTTP/1.1\r\nHost: web\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nbytes",
    b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AA\r\n\r\n",
    b"PUT / HTTP/1.1\r\nHost: web\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nhi",
    b"OPTIONS * HTTP/1.1\r\nHost: web\r\n\r\nHEAD /h HTTP/1.1\r\nHost: web\r\nTE: trailers\r\nCookie: a=b\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: web\r\nl5d-client-id: spoofed\r\nl5d-require-id: x\r\nl5d-timeout: 1s\r\n\r\n",
)
RESPONSES: Final = (
    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nX: y\r\n\r\n",
    b"HTTP/1.1 200 OK\r\n\r\nuntil the end",
    b"HTTP/1.0 404 Not Found\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\nDate: x\r\n\r\n",
    b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nbytes",
    b"HTTP/1.1 304 Not Modified\r\nContent-Length: 99\r\nSet-Cookie: a=b\r\n\r\n",
)

_GET = b"\x82\x86\x84\x01\x01a"
_POST = b"\x83\x86\x84\x01\x01a\x0f\x10\x10application/grpc"


def _head(stream: int, flags: int = END_HEADERS | END_STREAM, block: bytes = _GET) -> bytes:
    return frame(frames.HEADERS, flags, stream, block)


HPACK: Final = (
    _GET,
    _POST,
    b"\x40\x01a\x01b\xbe",
    b"\x10\x0dauthorization\x06secret",
    b"\x20\x3f\xe1\x1f\x82",
    b"\x00\x81\x1f\x84\xf1\xe3\xc2\xe5",
    b"\x88\x0f\x0d\x022\x30\x00\x0bgrpc-status\x010",
)
SERVER_FRAMES: Final = (
    _head(1),
    _head(1, END_HEADERS, _POST) + frame(frames.DATA, 0, 1, b"\0\0\0\0\3abc") + frame(frames.DATA, END_STREAM, 1),
    _head(1, END_HEADERS, _POST) + _head(1, block=b"\x00\x03x-t\x011"),
    _head(1, 0, _GET[:3]) + frame(frames.CONTINUATION, END_HEADERS, 1, _GET[3:]),
    _head(1, END_HEADERS | PADDED | PRIORITY_FLAG, b"\x02" + b"12345" + _GET + b"\0\0") + frames.rst_stream(1, 8),
    _head(1, block=_GET + b"\x00\x0el5d-orig-proto\x08HTTP/1.1"),
    _head(1, block=b"\x02\x07CONNECT\x01\x05a:443") + frame(frames.DATA, 0, 1, b"tunnel"),
    frames.settings({1: 0, 3: 1, 4: 10, 5: 16_384, 6: 100}) + frames.SETTINGS_ACK + _head(1),
    frames.ping(b"12345678") + frames.window_update(0, 100) + frames.goaway(0, 0, b"bye") + _head(1),
    frame(frames.PRIORITY, 0, 3, b"\0\0\0\1\x10") + frame(0x77, 0xFF, 9, b"unknown") + _head(3) + _head(5),
)
CLIENT_FRAMES: Final = (
    _head(1, END_HEADERS, b"\x88") + frame(frames.DATA, END_STREAM, 1, b"hi"),
    _head(1, END_HEADERS, b"\x08\x03103") + _head(1, block=b"\x89"),
    _head(1, END_HEADERS, b"\x88") + _head(1, block=b"\x00\x0bgrpc-status\x010"),
    _head(1, END_HEADERS, b"\x88\x0f\x0d\x012") + frame(frames.DATA, PADDED | END_STREAM, 1, b"\x01hi\0"),
    frames.settings({3: 0, 4: 0}) + frames.SETTINGS_ACK + frames.rst_stream(1, 7) + frames.goaway(1, 0),
    frames.goaway(0, 11) + frame(frames.PUSH_PROMISE, END_HEADERS, 1, b"\0\0\0\2" + _GET),
)
CONNECTIONS: Final = tuple(PREFACE + frames.settings({}) + sent for sent in SERVER_FRAMES)
"""Whole HTTP/2 clients."""


def _client_hello(name: str, alpn: list[str]) -> bytes:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if alpn:
        context.set_alpn_protocols(alpn)
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    try:
        context.wrap_bio(incoming, outgoing, server_hostname=name).do_handshake()
    except ssl.SSLWantReadError:
        pass
    return outgoing.read()


HELLOS: Final = (
    _client_hello("web.example", []),
    _client_hello("a.b.serviceaccount.identity", ["h2", "linkerd-tcp/1"]),
)
OTHERS: Final = (
    b"SSH-2.0-OpenSSH_9.6\r\n",
    b"EHLO mail\r\n",
    b"\x00" * 64,
    b"*1\r\n$4\r\nPING\r\n",
    b"PRI * HTTP/2.0\r\n\r\n",
)
