"""Heads against llhttp: what we accept, it accepts, and reads the same."""

from typing import Any

import httptools
from hypothesis import given, settings
from hypothesis import strategies as st

from linkerd_proxy.codec.h1 import head
from linkerd_proxy.codec.h1.errors import H1Error
from linkerd_proxy.codec.h1.reader import RequestReader


class Theirs:
    """What llhttp reads."""

    def __init__(self) -> None:
        self.events: list[tuple[Any, ...]] = []
        self.parser = httptools.HttpRequestParser(self)
        self.headers: list[tuple[bytes, bytes]] = []
        self.target = b""

    def on_url(self, target: bytes) -> None:
        self.target += target

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name.lower(), value.rstrip(b" \t")))

    def on_headers_complete(self) -> None:
        self.events.append(
            (self.parser.get_method(), self.target, self.parser.get_http_version().encode(), self.headers)
        )
        self.target, self.headers = b"", []

    def on_body(self, data: bytes) -> None:
        self.events.append((data,))

    def on_message_complete(self) -> None:
        self.events.append(())


class Ours:
    """The same events."""

    def __init__(self) -> None:
        self.events: list[tuple[Any, ...]] = []
        self.failed = False

    def head_received(self, head: head.RequestHead) -> None:
        self.events.append((head.method, head.target, head.version, head.headers))

    def body_received(self, data: bytes) -> None:
        self.events.append((data,))

    def message_complete(self, trailers: object) -> None:
        self.events.append(())

    def message_failed(self, error: H1Error) -> None:
        self.failed = True


methods = st.sampled_from([b"GET", b"POST", b"OPTIONS", b"GE T", b"PUT"])
targets = st.sampled_from([b"/", b"/a?b=c#d", b"*", b"http://web/x", b"//x", b"/a b", b"x", b"/%00", b'/"<>\\^`{|}'])
versions = st.sampled_from([b"HTTP/1.1", b"HTTP/1.1", b"HTTP/1.0", b"HTTP/1.2", b"http/1.1", b"HTTP/1.1 "])
ends = st.sampled_from([b"\r\n"] * 8 + [b"\n", b"\r", b"\r\r\n", b"\r\n "])
lines = st.sampled_from(
    [
        b"Host: a",
        b"host:a",
        b"X: y",
        b"X:  y \t",
        b"X :y",
        b"X",
        b": y",
        b"",
        b"Content-Length: 3",
        b"Content-Length: 3",
        b"Content-Length: 03",
        b"Content-Length: 3 ",
        b"Transfer-Encoding: chunked",
        b"Transfer-Encoding: CHUNKED",
        b"Transfer-Encoding: gzip, chunked",
        b"Transfer-Encoding: chunked, x",
        b"X: a\x80b",
        b"X: \x01",
        b"X\x00: y",
        b" X: y",
    ]
)
bodies = st.sampled_from(
    [b"", b"abc", b"3\r\nabc\r\n0\r\n\r\n", b"3;x=y\r\nabc\r\n0\r\nA: b\r\n\r\n", b"03\r\nabc\r\n0\r\n\r\n"]
)


@st.composite
def messages(draw: st.DrawFn) -> bytes:
    first = b" ".join([draw(methods), draw(targets), draw(versions)])
    rest = draw(st.lists(lines, max_size=4))
    return b"".join(line + draw(ends) for line in [first, *rest, b""]) + draw(bodies)


@settings(deadline=None, max_examples=600)
@given(messages())
def test_what_we_accept_llhttp_reads_the_same(data: bytes) -> None:
    ours, theirs = Ours(), Theirs()
    reader = RequestReader(ours)
    reader.feed(data)
    if ours.failed or not ours.events or reader.buffered:
        return
    theirs.parser.feed_data(data)
    assert ours.events == theirs.events


def test_heads_are_shared_and_keep_what_the_owner_derives() -> None:
    block = b"GET /shared HTTP/1.1\r\nHost: web\r\n\r\n"
    first = head.parse_request(block)
    first.memo = "derived"
    assert head.parse_request(bytes(bytearray(block))).memo == "derived"
