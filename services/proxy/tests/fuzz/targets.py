"""One harness for each parser: it feeds one input and raises AssertionError where the parser does what it must not.

What a parser must not do: raise anything but its own error, speak twice after a failure, keep more than its limits,
or accept what the other side's writer would refuse to pass on.
"""

from collections.abc import Callable
from random import Random
from typing import NamedTuple

from services.proxy.tests.codec.h1 import wire as h1_wire
from services.proxy.tests.codec.h2 import wire as h2_wire
from services.proxy.tests.fuzz import corpus
from services.proxy.tests.fuzz.mutate import Corpus, pieces

from linkerd_proxy.codec import client_hello
from linkerd_proxy.codec.client_hello import Outcome
from linkerd_proxy.codec.detect import Detected, detect
from linkerd_proxy.codec.h1 import writer
from linkerd_proxy.codec.h1.head import MAX_HEAD, RequestHead, ResponseHead
from linkerd_proxy.codec.h1.reader import RequestReader, ResponseReader
from linkerd_proxy.codec.h2 import frames
from linkerd_proxy.codec.h2.connection import H2Connection, H2Stream
from linkerd_proxy.codec.h2.errors import HpackError
from linkerd_proxy.codec.h2.hpack import FIRST_DYNAMIC, Decoder
from linkerd_proxy.codec.h2.settings import H2Settings
from linkerd_proxy.codec.headers import Headers
from linkerd_proxy.http import h1
from linkerd_proxy.http.request import RequestHead as Request


class Target(NamedTuple):
    """A harness and its seeds."""

    name: str
    corpus: Corpus
    feed: Callable[[bytes], None]


def _once_failed(events: list[tuple[object, ...]]) -> None:
    failures = [i for i, event in enumerate(events) if event[0] == "failed"]
    assert not failures or failures == [len(events) - 1]


class _Requests(h1_wire.Recorder):
    """Passes every head on, as the proxy would."""

    def head_received(self, head: RequestHead | ResponseHead) -> None:
        assert isinstance(head, RequestHead)
        request = h1.request(head)
        assert h1.request_head(request, request.fields, head.chunked)
        super().head_received(head)


class _Responses(h1_wire.Recorder):
    def head_received(self, head: RequestHead | ResponseHead) -> None:
        assert isinstance(head, ResponseHead)
        fields = h1.response(head)
        assert writer.response_head(head.status, b"1.1", fields[1:])
        super().head_received(head)


def h1_requests(data: bytes) -> None:
    rng = Random(len(data))
    whole, split = _Requests(), _Requests()
    RequestReader(whole).feed(data)
    reader = RequestReader(split)
    for piece in pieces(data, rng):
        reader.feed(piece)
        assert reader.buffered <= MAX_HEAD + len(piece) + 16_384
    # Which of several faults is found first may depend on how the bytes come.
    assert [event[:1] if event[0] == "failed" else event for event in whole.events] == [
        event[:1] if event[0] == "failed" else event for event in split.events
    ]
    _once_failed(whole.events)


def h1_responses(data: bytes) -> None:
    rng = Random(len(data))
    recorder = _Responses()
    reader = ResponseReader(recorder)
    for method in (b"GET", b"HEAD", b"POST"):
        reader.expect(method)
    for piece in pieces(data, rng):
        reader.feed(piece)
        assert reader.buffered <= MAX_HEAD + len(piece) + 16_384
    reader.feed_eof()
    _once_failed(recorder.events)


class _Passing(h2_wire.Recorder):
    """Passes every request on in HTTP/1 where it was carried, answers it, and resets some."""

    def headers_received(self, stream: H2Stream, headers: Headers, end: bool) -> None:
        super().headers_received(stream, headers, end)
        assert self.connection is not None
        if self.connection.client:
            assert writer.response_head(int(headers[0][1]), b"1.1", headers[1:])
            return
        request = Request(headers)
        assert h1.request_head(request, request.sent, False)
        if stream.id % 3 == 0:
            self.connection.reset(stream)
        else:
            self.connection.send_headers(stream, [(b":status", b"200")])
            self.connection.send_data(stream, bytes(1_000), end=True)


def _h2(data: bytes, *, client: bool) -> None:
    recorder = _Passing()
    connection = H2Connection(recorder, client=client, settings=H2Settings(), wake=lambda: None)
    recorder.connection = connection
    connection.receive((b"" if client else frames.PREFACE) + frames.settings({}))
    if client:
        for _ in range(2):
            connection.send_headers(connection.open_stream(None), h2_wire.REQUEST, end=True)
    for piece in pieces(data, Random(len(data))):
        before = len(h2_wire.written(connection))
        connection.receive(piece)
        assert sum(map(len, connection.out)) <= 2_000 * (len(piece) + 1) + 70_000, before
        assert connection.active == len(connection.streams) <= 1_000
        assert connection.decoder.size <= max(connection.decoder.capacity, 4_096)
        assert sum(stream.held for stream in connection.streams.values()) <= 1_048_576
    _once_failed(recorder.events)


def h2_server(data: bytes) -> None:
    _h2(data, client=False)


def h2_client(data: bytes) -> None:
    _h2(data, client=True)


def hpack(data: bytes) -> None:
    decoder = Decoder()
    for block in (data, data):
        try:
            headers = decoder.decode(block)
        except HpackError:
            return
        assert len(headers) <= len(block)
        size = sum(len(n) + len(v) + 32 for n, v in decoder.table[FIRST_DYNAMIC:])
        assert size == decoder.size <= decoder.capacity


def hello(data: bytes) -> None:
    found = client_hello.sni(data)
    assert found.outcome in Outcome
    if found.outcome is Outcome.NEED_MORE:
        assert client_hello.sni(data + b"\0" * 70_000).outcome is not Outcome.NEED_MORE


def detection(data: bytes) -> None:
    found = detect(data)
    if found is Detected.HTTP1:
        assert len(data) >= 14
    # What the HTTP/1 reader accepts as a whole request is never taken for something else.
    events = h1_wire.requests(data)
    if len(data) >= 14 and any(event[0] == "request" for event in events[:1]):
        assert found is Detected.HTTP1


TARGETS = (
    Target("h1 requests", corpus.REQUESTS, h1_requests),
    Target("h1 responses", corpus.RESPONSES, h1_responses),
    Target("h2 server", corpus.SERVER_FRAMES, h2_server),
    Target("h2 client", corpus.CLIENT_FRAMES, h2_client),
    Target("hpack", corpus.HPACK, hpack),
    Target("client hello", corpus.HELLOS, hello),
    Target("detection", (*corpus.REQUESTS, *corpus.OTHERS), detection),
)
