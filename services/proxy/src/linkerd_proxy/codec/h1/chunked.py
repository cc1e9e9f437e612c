"""The chunked transfer coding, decoding (RFC 9112 section 7.1): strict CRLF, hexadecimal sizes, bounded lines."""

import re
from collections.abc import Callable
from typing import Final

from linkerd_proxy.codec.h1.errors import H1Error
from linkerd_proxy.codec.h1.head import parse_fields
from linkerd_proxy.codec.headers import Headers

MAX_SIZE_LINE: Final = 1_024
MAX_EXTENSIONS: Final = 16_384
"""Bytes of chunk extensions in one message (CVE-2023-39326, CVE-2024-22019): nobody uses them, floods do."""
MAX_TRAILER_BYTES: Final = 16_384
MAX_TRAILERS: Final = 100

NOT_TRAILERS: Final = frozenset(
    (
        b"authorization",
        b"connection",
        b"content-encoding",
        b"content-length",
        b"content-range",
        b"content-type",
        b"cookie",
        b"expect",
        b"host",
        b"keep-alive",
        b"proxy-connection",
        b"set-cookie",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    )
)
"""Fields for framing, routing and authentication do nothing in trailers and are dropped (RFC 9110 section 6.5.1)."""

_SIZE_LINE: Final = re.compile(rb"([0-9A-Fa-f]{1,15})((?:;[\t\x20-\x7e\x80-\xff]*)?)")

_SIZE, _DATA, _DATA_END, _TRAILERS = range(4)


class ChunkedDecoder:
    """One message's body; ``trailers`` is set when it is complete."""

    __slots__ = ("_extensions", "_left", "_lines", "_state", "_trailer_bytes", "trailers")

    def __init__(self) -> None:
        self._state = _SIZE
        self._left = 0
        self._extensions = 0
        self._lines: list[bytes] = []
        self._trailer_bytes = 0
        self.trailers: Headers | None = None

    def decode(self, data: bytes, i: int, body: Callable[[bytes], None]) -> int:
        """Takes what it can from position ``i`` on; the new position: the rest is incomplete, or is not this body's.

        Raises H1Error.
        """
        n = len(data)
        while i < n and self.trailers is None:
            if self._state == _DATA:
                piece = data[i : i + self._left]
                i += len(piece)
                self._left -= len(piece)
                if not self._left:
                    self._state = _DATA_END
                body(piece)
            elif self._state == _DATA_END:
                if data[i : i + 2] != b"\r\n":
                    if data[i : i + 2] == b"\r":
                        break
                    raise H1Error("chunk is longer than its size")
                i += 2
                self._state = _SIZE
            else:
                end = data.find(b"\r\n", i)
                if end < 0:
                    if n - i > (MAX_SIZE_LINE if self._state == _SIZE else MAX_TRAILER_BYTES):
                        raise H1Error("line in a chunked body is too long")
                    break
                line = data[i:end]
                i = end + 2
                if self._state == _SIZE:
                    self._size(line)
                else:
                    self._trailer(line)
        return i

    def _size(self, line: bytes) -> None:
        match = _SIZE_LINE.fullmatch(line)
        if match is None or len(line) > MAX_SIZE_LINE:
            raise H1Error("chunk size is not a hexadecimal number")
        size, extensions = match.groups()
        self._extensions += len(extensions)
        if self._extensions > MAX_EXTENSIONS:
            raise H1Error("too many chunk extensions")
        self._left = int(size, 16)
        self._state = _DATA if self._left else _TRAILERS

    def _trailer(self, line: bytes) -> None:
        if line:
            self._trailer_bytes += len(line)
            if self._trailer_bytes > MAX_TRAILER_BYTES:
                raise H1Error("trailers are too large", 431)
            self._lines.append(line)
        else:
            fields = parse_fields(self._lines, MAX_TRAILERS)
            self.trailers = [field for field in fields if field[0] not in NOT_TRAILERS]
