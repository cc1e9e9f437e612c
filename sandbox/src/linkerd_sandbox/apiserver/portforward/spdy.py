"""SPDY/3.1 frames, as far as Kubernetes' streams need them: bytes in, events out. PURE.

Source: SPDY Protocol Draft 3.1. Header blocks are deflated with one window for the whole session and the draft's
dictionary. There is no flow control: clients of Kubernetes (moby/spdystream) do none, in either direction.
"""

import struct
import zlib
from typing import NamedTuple

SYN_STREAM, SYN_REPLY, RST_STREAM, SETTINGS, PING, GOAWAY, HEADERS, WINDOW_UPDATE = 1, 2, 3, 4, 6, 7, 8, 9
FLAG_FIN = 0x01
_VERSION = 3
_HEADER = 8
_CONTROL = 0x80000000
_LARGEST_FRAME = (1 << 24) - 1
_LARGEST_BLOCK = 1 << 16
CANCEL = 5

_WORDS = (
    "options head post put delete trace accept accept-charset accept-encoding accept-language accept-ranges age allow "
    "authorization cache-control connection content-base content-encoding content-language content-length "
    "content-location content-md5 content-range content-type date etag expect expires from host if-match "
    "if-modified-since if-none-match if-range if-unmodified-since last-modified location max-forwards pragma "
    "proxy-authenticate proxy-authorization range referer retry-after server te trailer transfer-encoding upgrade "
    "user-agent vary via warning www-authenticate method get status 200_OK version HTTP/1.1 url public set-cookie "
    "keep-alive origin"
)
_TAIL = (
    "100101201202205206300302303304305306307402405406407408409410411412413414415416417502504505"
    "203 Non-Authoritative Information204 No Content301 Moved Permanently400 Bad Request401 Unauthorized"
    "403 Forbidden404 Not Found500 Internal Server Error501 Not Implemented503 Service Unavailable"
    "Jan Feb Mar Apr May Jun Jul Aug Sept Oct Nov Dec 00:00:00 Mon, Tue, Wed, Thu, Fri, Sat, Sun, GMT"
    "chunked,text/html,image/png,image/jpg,image/gif,application/xml,application/xhtml+xml,text/plain,"
    "text/javascript,publicprivatemax-age=gzip,deflate,sdchcharset=utf-8charset=iso-8859-1,utf-,*,enq=0."
)
DICTIONARY = b"".join(struct.pack(">I", len(word)) + word.replace("_", " ").encode() for word in _WORDS.split())
DICTIONARY += _TAIL.encode()


class ProtocolError(Exception):
    """The peer sent what SPDY does not allow."""


class Opened(NamedTuple):
    """SYN_STREAM."""

    stream: int
    headers: dict[str, str]
    fin: bool


class Data(NamedTuple):
    """A data frame."""

    stream: int
    payload: bytes
    fin: bool


class Reset(NamedTuple):
    """RST_STREAM."""

    stream: int


class Ping(NamedTuple):
    """PING; to be answered with the same number."""

    number: int


class Goaway(NamedTuple):
    """GOAWAY."""


Event = Opened | Data | Reset | Ping | Goaway


class Session:
    """The server's side of a session."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._inflate = zlib.decompressobj(zdict=DICTIONARY)
        self._deflate = zlib.compressobj(zdict=DICTIONARY)

    def feed(self, data: bytes) -> list[Event]:
        """Events of the frames that `data` completes. Raises `ProtocolError`."""
        self._buffer += data
        events: list[Event] = []
        while len(self._buffer) >= _HEADER:
            first, second = struct.unpack_from(">II", self._buffer)
            length = second & _LARGEST_FRAME
            if len(self._buffer) < _HEADER + length:
                break
            payload = bytes(self._buffer[_HEADER : _HEADER + length])
            del self._buffer[: _HEADER + length]
            event = self._frame(first, second >> 24, payload)
            if event is not None:
                events.append(event)
        return events

    def _frame(self, first: int, flags: int, payload: bytes) -> Event | None:
        if not first & _CONTROL:
            return Data(first, payload, bool(flags & FLAG_FIN))
        if (first >> 16) & 0x7FFF != _VERSION:
            raise ProtocolError(f"SPDY version {(first >> 16) & 0x7FFF}")
        try:
            match first & 0xFFFF:
                case 1:  # SYN_STREAM
                    (stream,) = struct.unpack_from(">I", payload)
                    return Opened(stream & ~_CONTROL, self._headers(payload[10:]), bool(flags & FLAG_FIN))
                case 2 | 8:  # SYN_REPLY, HEADERS: only for the compression's sake
                    self._headers(payload[4:])
                case 3:  # RST_STREAM
                    return Reset(struct.unpack_from(">I", payload)[0] & ~_CONTROL)
                case 6:  # PING
                    return Ping(struct.unpack_from(">I", payload)[0])
                case 7:  # GOAWAY
                    return Goaway()
        except struct.error as error:
            raise ProtocolError("a frame is too short") from error
        return None

    def _headers(self, block: bytes) -> dict[str, str]:
        try:
            plain = self._inflate.decompress(block, _LARGEST_BLOCK)
        except zlib.error as error:
            raise ProtocolError(f"headers cannot be inflated: {error}") from error
        (count,) = struct.unpack_from(">I", plain)
        found: dict[str, str] = {}
        position = 4
        for _ in range(count):
            texts: list[str] = []
            for _ in range(2):
                (length,) = struct.unpack_from(">I", plain, position)
                position += 4
                texts.append(plain[position : position + length].decode("latin-1"))
                position += length
            found[texts[0].lower()] = texts[1]
        if position > len(plain):
            raise ProtocolError("headers are cut short")
        return found

    def reply(self, stream: int, headers: dict[str, str] | None = None) -> bytes:
        """SYN_REPLY."""
        given = headers or {}
        plain = struct.pack(">I", len(given))
        for name, value in given.items():
            for text in (name.encode(), value.encode()):
                plain += struct.pack(">I", len(text)) + text
        block = self._deflate.compress(plain) + self._deflate.flush(zlib.Z_SYNC_FLUSH)
        return _control(SYN_REPLY, 0, struct.pack(">I", stream) + block)


def _control(kind: int, flags: int, payload: bytes) -> bytes:
    return struct.pack(">II", _CONTROL | _VERSION << 16 | kind, flags << 24 | len(payload)) + payload


def data(stream: int, payload: bytes, *, fin: bool = False) -> bytes:
    """A data frame; payloads of at most 16 MiB."""
    return struct.pack(">II", stream, (FLAG_FIN if fin else 0) << 24 | len(payload)) + payload


def reset(stream: int, status: int = CANCEL) -> bytes:
    """RST_STREAM."""
    return _control(RST_STREAM, 0, struct.pack(">II", stream, status))


def ping(number: int) -> bytes:
    """PING."""
    return _control(PING, 0, struct.pack(">I", number))
