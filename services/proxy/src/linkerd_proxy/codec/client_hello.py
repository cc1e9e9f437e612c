"""Server name and ALPN of a TLS ClientHello (RFC 8446 section 4.1.2), without taking part in the handshake.

The hello may be cut over several records and come in several reads; what is not TLS is told from the first byte.
"""

import dataclasses
import enum
from typing import Final

HANDSHAKE: Final = 22
CLIENT_HELLO: Final = 1
SERVER_NAME: Final = 0
ALPN: Final = 16
HOST_NAME: Final = 0
RECORD_HEADER: Final = 5
LARGEST_RECORD: Final = 16_384
LARGEST_HELLO: Final = 65_536
"""OpenSSL takes 131,396 bytes; hellos with post-quantum keys have some 2 KB."""


class Outcome(enum.Enum):
    """What the bytes were enough for."""

    NEED_MORE = "need more"
    NOT_TLS = "not TLS"
    HELLO = "hello"


@dataclasses.dataclass(frozen=True, slots=True)
class Result:
    """``server_name`` is None without the extension; names are lower-case."""

    outcome: Outcome
    server_name: str | None = None
    alpn: tuple[bytes, ...] = ()


NEED_MORE: Final = Result(Outcome.NEED_MORE)
NOT_TLS: Final = Result(Outcome.NOT_TLS)


class _Broken(Exception):
    """Not a ClientHello, whatever follows."""


class _Cursor:
    """Big-endian fields of a byte string; reading past its end is _Broken."""

    __slots__ = ("data", "i")

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.i = 0

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size), "big")

    def take(self, size: int) -> bytes:
        piece = self.data[self.i : self.i + size]
        if len(piece) < size:
            raise _Broken
        self.i += size
        return piece

    def vector(self, length_size: int) -> bytes:
        return self.take(self.number(length_size))

    @property
    def left(self) -> int:
        return len(self.data) - self.i


def sni(data: bytes) -> Result:
    """From all bytes of the connection so far, read or peeked."""
    try:
        hello = _hello(data)
        return NEED_MORE if hello is None else _parse(hello)
    except _Broken:
        return NOT_TLS


def _hello(data: bytes) -> bytes | None:
    """The ClientHello's body, put together from its records; None while it is not complete."""
    message, i = b"", 0
    while True:
        head = data[i : i + RECORD_HEADER]
        if head and head[0] != HANDSHAKE:
            raise _Broken
        if len(head) > 1 and head[1] != 3:
            raise _Broken
        if len(head) < RECORD_HEADER:
            return None
        size = int.from_bytes(head[3:], "big")
        if not 0 < size <= LARGEST_RECORD:
            raise _Broken
        message += data[i + RECORD_HEADER : i + RECORD_HEADER + size]
        if message and message[0] != CLIENT_HELLO:
            raise _Broken
        if len(message) >= 4:
            length = int.from_bytes(message[1:4], "big")
            if length > LARGEST_HELLO:
                raise _Broken
            if len(message) >= 4 + length:
                return message[4 : 4 + length]
        i += RECORD_HEADER + size


def _parse(hello: bytes) -> Result:
    cursor = _Cursor(hello)
    if cursor.number(2) >> 8 != 3:
        raise _Broken
    cursor.take(32)
    cursor.vector(1)
    cursor.vector(2)
    cursor.vector(1)
    if not cursor.left:
        return Result(Outcome.HELLO)
    extensions = _Cursor(cursor.vector(2))
    name: str | None = None
    alpn: tuple[bytes, ...] = ()
    while extensions.left:
        kind, body = extensions.number(2), extensions.vector(2)
        if kind == SERVER_NAME:
            name = _server_name(body)
        elif kind == ALPN:
            alpn = _protocols(body)
    return Result(Outcome.HELLO, name, alpn)


def _server_name(body: bytes) -> str | None:
    names = _Cursor(_Cursor(body).vector(2))
    while names.left:
        kind, name = names.number(1), names.vector(2)
        if kind == HOST_NAME:
            try:
                return name.decode("ascii").lower()
            except UnicodeDecodeError:
                raise _Broken from None
    return None


def _protocols(body: bytes) -> tuple[bytes, ...]:
    names = _Cursor(_Cursor(body).vector(2))
    found: list[bytes] = []
    while names.left:
        found.append(names.vector(1))
    return tuple(found)
