"""Both readers as functions from bytes to transcripts."""

from collections.abc import Callable
from typing import Any

from linkerd_proxy.codec.h1.reader import H1Error, RequestHead, RequestReader, ResponseHead, ResponseReader
from linkerd_proxy.codec.headers import Headers

Event = tuple[Any, ...]


class Recorder:
    """Bodies are joined: how they are cut does not matter."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.on_complete: Callable[[], None] = lambda: None

    def head_received(self, head: RequestHead | ResponseHead) -> None:
        if isinstance(head, RequestHead):
            self.events.append(("request", head.method, head.target, head.headers))
        else:
            self.events.append(("response", head.status, head.headers))

    def body_received(self, data: bytes) -> None:
        assert data
        if self.events[-1][0] == "body":
            data = self.events.pop()[1] + data
        self.events.append(("body", data))

    def message_complete(self, trailers: Headers) -> None:
        self.events.append(("complete", trailers))
        self.on_complete()

    def message_failed(self, error: H1Error) -> None:
        self.events.append(("failed", error.status))

    def take(self) -> list[Event]:
        events, self.events = self.events, []
        return events


def requests(data: bytes, *, step: int = 0, eof: bool = False) -> list[Event]:
    recorder = Recorder()
    reader = RequestReader(recorder)
    for i in range(0, len(data), step or len(data) or 1):
        reader.feed(data[i : i + (step or len(data) or 1)])
    if eof:
        reader.feed_eof()
    return recorder.events


def responses(data: bytes, *methods: bytes, step: int = 0, eof: bool = False) -> list[Event]:
    recorder = Recorder()
    reader = ResponseReader(recorder)
    for method in methods or (b"GET",):
        reader.expect(method)
    for i in range(0, len(data), step or len(data) or 1):
        reader.feed(data[i : i + (step or len(data) or 1)])
    if eof:
        reader.feed_eof()
    return recorder.events


GET = b"GET / HTTP/1.1\r\nHost: web\r\n\r\n"
GOT: list[Event] = [("request", b"GET", b"/", [(b"host", b"web")]), ("complete", [])]
CHUNKED = b"POST /a HTTP/1.1\r\nHost: web\r\nTransfer-Encoding: chunked\r\n\r\n"
