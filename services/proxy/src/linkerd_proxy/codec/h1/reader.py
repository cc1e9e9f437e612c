"""Bytes of an HTTP/1 connection to calls: heads, bodies, ends of messages.

A reader finds each message's end itself, so it can stop there (`pause`) and keep what follows: the next request of a
pipeline, or the first bytes of the protocol that an upgrade changes to (`take_rest`). A message that cannot be read
reaches the handler once, as `message_failed`; the reader ignores all that follows.
"""

import re
from collections import deque
from typing import Final, Protocol

from linkerd_proxy.codec.h1.chunked import ChunkedDecoder
from linkerd_proxy.codec.h1.errors import H1Error
from linkerd_proxy.codec.h1.head import MAX_HEAD, RequestHead, ResponseHead, parse_request, parse_response
from linkerd_proxy.codec.headers import Headers

__all__ = [
    "H1Error",
    "RequestHandler",
    "RequestHead",
    "RequestReader",
    "ResponseHandler",
    "ResponseHead",
    "ResponseReader",
]

MAX_EMPTY_LINES: Final = 4
"""Before a head: old clients send one too many after a POST (RFC 9112 section 2.2)."""
MAX_INTERIM: Final = 32
"""1xx heads before a final one."""

_WRONG_LINE_END: Final = re.compile(rb"(?<!\r)\n|\r(?!\n|\Z)|\0")

_HEAD, _LENGTH, _CHUNKED, _UNTIL_CLOSE, _TUNNEL, _FAILED = range(6)


class MessageHandler(Protocol):
    """What both directions tell."""

    def body_received(self, data: bytes) -> None:
        """Never empty."""

    def message_complete(self, trailers: Headers) -> None:
        """The next head comes unless the reader is paused."""

    def message_failed(self, error: H1Error) -> None:
        """What came is not HTTP/1, or ended too early. No other call follows."""


class RequestHandler(MessageHandler, Protocol):
    """Whom a `RequestReader` tells."""

    def head_received(self, head: RequestHead) -> None:
        """After one with ``upgrade`` the reader is paused: `resume` it when refused, else `take_rest`."""


class ResponseHandler(MessageHandler, Protocol):
    """Whom a `ResponseReader` tells."""

    def head_received(self, head: ResponseHead) -> None:
        """1xx heads too, after which the final one comes; 101 is final, and the rest is not HTTP/1: `take_rest`."""


class _Deaf:
    """The handler of a reader whose owner is done."""

    def head_received(self, head: RequestHead | ResponseHead) -> None:
        pass

    def body_received(self, data: bytes) -> None:
        pass

    def message_complete(self, trailers: Headers) -> None:
        pass

    def message_failed(self, error: H1Error) -> None:
        pass


_DEAF: Final = _Deaf()


class _Reader:
    __slots__ = (
        "_chunks",
        "_data",
        "_empty_lines",
        "_handler",
        "_left",
        "_position",
        "_rest",
        "_running",
        "_scanned",
        "_state",
        "_taken",
        "paused",
    )

    def __init__(self, handler: MessageHandler) -> None:
        self._handler = handler
        self.paused = False
        """No head is read while this is set."""
        self._state = _HEAD
        self._rest = b""
        self._scanned = 0
        self._empty_lines = 0
        self._left = 0
        self._chunks: ChunkedDecoder | None = None
        self._running = False
        self._taken = False
        self._data = b""
        self._position = 0

    @property
    def buffered(self) -> int:
        """Bytes that wait: an incomplete head, or what came behind a message while paused."""
        return len(self._rest)

    @property
    def between_messages(self) -> bool:
        """No message is being read, and nothing of the next one is here."""
        return self._state == _HEAD and not self._rest

    def pause(self) -> None:
        """Stop behind the message that is being read, if one is, and keep the rest."""
        self.paused = True

    def resume(self) -> None:
        """Go on with what was kept."""
        self.paused = False
        if self._rest and not self._running:
            self.feed(b"")

    def release(self) -> None:
        """The owner is done: it hears no more, and is no longer held."""
        self._handler = _DEAF

    def take_rest(self) -> bytes:
        """All that is here and not read, which is not HTTP/1 any more; nothing is read from now on, only kept."""
        self._state = _TUNNEL
        if self._running:
            rest = b"" if self._taken else self._data[self._position :]
            self._taken = True
        else:
            rest, self._rest = self._rest, b""
        return rest

    def stop(self) -> None:
        """Ignore all that comes: the owner gave the connection up."""
        self._state = _FAILED
        self._rest = b""

    def feed(self, data: bytes) -> None:
        """Bytes as they came; never raises for what the peer sends. Not to be called from the handler's methods."""
        if self._state == _FAILED:
            return
        if self._rest:
            data = self._rest + data
            self._rest = b""
        self._data = data
        self._running = True
        self._taken = False
        try:
            end = self._run(data)
        except H1Error as error:
            end = len(data)
            self._fail(error)
        finally:
            self._running = False
            self._data = b""
        if not self._taken and self._state != _FAILED:
            self._rest = data[end:]

    def feed_eof(self) -> None:
        """The peer will send no more: ends a body that only the end of the connection delimits."""
        state = self._state
        if state == _UNTIL_CLOSE:
            self._state = _TUNNEL
            self._handler.message_complete([])
        elif state in (_LENGTH, _CHUNKED) or (state == _HEAD and not self.paused and self._expects_more()):
            self._fail(H1Error("the connection ended within a message"))

    def _expects_more(self) -> bool:
        return bool(self._rest)

    def _fail(self, error: H1Error) -> None:
        self._state = _FAILED
        self._rest = b""
        self._handler.message_failed(error)

    def _run(self, data: bytes) -> int:
        """Reads what it can; the position of what has to wait."""
        i, n = 0, len(data)
        while i < n:
            state = self._state
            if state == _HEAD:
                if self.paused:
                    break
                end = data.find(b"\r\n\r\n", i + self._scanned)
                if data[i] == 13 and data[i : i + 2] in b"\r\n":
                    if i + 2 > n:
                        break
                    i = self._skip_empty_line(i)
                    continue
                if end < 0 or end + 4 - i > MAX_HEAD:
                    self._check_incomplete(data, i)
                    break
                block = data[i : end + 4]
                self._position = i = end + 4
                self._scanned = self._empty_lines = 0
                self._head(block)
            elif state == _LENGTH:
                piece = data[i : i + self._left]
                self._position = i = i + len(piece)
                self._left -= len(piece)
                self._handler.body_received(piece)
                if not self._left and self._state == _LENGTH:
                    self._complete([])
            elif state == _CHUNKED:
                chunks = self._chunks
                assert chunks is not None
                self._position = i = chunks.decode(data, i, self._handler.body_received)
                if chunks.trailers is None or self._state != _CHUNKED:
                    break
                self._complete(chunks.trailers)
            elif state == _UNTIL_CLOSE:
                self._handler.body_received(data[i:])
                self._position = i = n
            else:
                break
        return i

    def _skip_empty_line(self, i: int) -> int:
        self._empty_lines += 1
        self._scanned = 0
        if self._empty_lines > MAX_EMPTY_LINES:
            raise H1Error("empty lines instead of a head")
        return i + 2

    def _check_incomplete(self, data: bytes, i: int) -> None:
        """A head that is not complete: is it too large already, and can it still become one?"""
        if len(data) - i >= MAX_HEAD:
            raise H1Error(f"head is larger than {MAX_HEAD} bytes", 431)
        # What is before `i` is another message's, whatever it ends with.
        if data[i] == 10 or _WRONG_LINE_END.search(data, i):
            raise H1Error("line does not end in CR LF")
        self._scanned = max(0, len(data) - i - 3)

    def _complete(self, trailers: Headers) -> None:
        self._state = _HEAD
        self._chunks = None
        self._handler.message_complete(trailers)

    def _head(self, block: bytes) -> None:
        raise NotImplementedError


class RequestReader(_Reader):
    """A server's side."""

    __slots__ = ()

    _handler: RequestHandler

    def __init__(self, handler: RequestHandler) -> None:
        super().__init__(handler)

    def _head(self, block: bytes) -> None:
        head = parse_request(block)
        if head.upgrade:
            self.paused = True
        if head.chunked:
            self._chunks = ChunkedDecoder()
            self._state = _CHUNKED
        elif head.content_length:
            self._left = head.content_length
            self._state = _LENGTH
        self._handler.head_received(head)
        if self._state == _HEAD:
            self._handler.message_complete([])


class ResponseReader(_Reader):
    """A client's side: `expect` each request, in order."""

    __slots__ = ("_interim", "_methods")

    _handler: ResponseHandler

    def __init__(self, handler: ResponseHandler) -> None:
        super().__init__(handler)
        self._methods: deque[bytes] = deque()
        self._interim = 0

    def expect(self, method: bytes) -> None:
        """A request with that method was sent: its response may come."""
        self._methods.append(method)

    def _expects_more(self) -> bool:
        return bool(self._methods or self._rest)

    def _head(self, block: bytes) -> None:
        if not self._methods:
            raise H1Error("a response that nobody asked for")
        head = parse_response(block)
        status = head.status
        if status < 200 and status != 101:
            self._interim += 1
            if self._interim > MAX_INTERIM:
                raise H1Error("too many 1xx responses")
            self._handler.head_received(head)
            return
        self._interim = 0
        method = self._methods.popleft()
        tunnel = status == 101 or (method == b"CONNECT" and status < 300)
        if tunnel:
            self._state = _TUNNEL
        elif method == b"HEAD" or status in (204, 304):
            pass
        elif head.chunked:
            self._chunks = ChunkedDecoder()
            self._state = _CHUNKED
        elif head.content_length is None:
            self._state = _UNTIL_CLOSE
        elif head.content_length:
            self._left = head.content_length
            self._state = _LENGTH
        self._handler.head_received(head)
        if self._state == _HEAD or tunnel:
            self._handler.message_complete([])
