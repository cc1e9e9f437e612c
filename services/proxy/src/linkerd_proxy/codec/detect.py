"""Which protocol a connection speaks, told from its first read alone, as Linkerd does.

Fewer than 14 bytes are not HTTP; ``PRI * HTTP/2.0`` is HTTP/2; what parses as the beginning of an HTTP/1 request is
HTTP/1; all else is opaque. There is no second read: a protocol whose server speaks first must not wait longer than it
has to.
"""

import enum
import re
from typing import Final

H2_PREFIX: Final = b"PRI * HTTP/2.0"
ENOUGH: Final = len(H2_PREFIX)

_TOKEN: Final = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_EMPTY_LINES: Final = re.compile(rb"(?:\r?\n)*")
_METHOD_ONLY: Final = re.compile(_TOKEN)
_TARGET_TOO: Final = re.compile(_TOKEN + rb" [\x21-\x7e\x80-\xff]*")
_FIRST_LINE: Final = re.compile(_TOKEN + rb" [\x21-\x7e\x80-\xff]+ (.*)", re.DOTALL)
_FIELD_LINE: Final = re.compile(_TOKEN + rb":[\t\x20-\x7e\x80-\xff]*")
_VERSION: Final = b"HTTP/1."


class Detected(enum.Enum):
    """The answer for one first read."""

    HTTP1 = "http/1"
    HTTP2 = "http/2"
    OPAQUE = "opaque"
    EMPTY = "empty"
    """The peer closed without a byte: an error."""


def detect(first_read: bytes) -> Detected:
    """``first_read`` is what one read returned; b"" is the end of the connection."""
    if not first_read:
        return Detected.EMPTY
    if len(first_read) < ENOUGH:
        return Detected.OPAQUE
    if first_read.startswith(H2_PREFIX):
        return Detected.HTTP2
    return Detected.HTTP1 if _begins_request(first_read) else Detected.OPAQUE


def _begins_request(data: bytes) -> bool:
    """Whether it can become an HTTP/1 request. A bare LF ends a line here; the reader refuses it later."""
    empty = _EMPTY_LINES.match(data)
    start = empty.end() if empty else 0
    lines = data[start:].split(b"\n")
    first, partial = lines[0], len(lines) == 1
    if partial and (not first or first == b"\r" or _METHOD_ONLY.fullmatch(first) or _TARGET_TOO.fullmatch(first)):
        return True
    match = _FIRST_LINE.fullmatch(first)
    if match is None or not _is_version(match.group(1), partial):
        return False
    for line in lines[1:-1]:
        line = line.removesuffix(b"\r")
        if not line:
            return True
        if not _FIELD_LINE.fullmatch(line):
            return False
    return partial or _begins_field(lines[-1])


def _is_version(text: bytes, partial: bool) -> bool:
    """``HTTP/1.0`` or ``HTTP/1.1``, or their beginning where the read ended within."""
    if len(text) < 8:
        return partial and _VERSION.startswith(text)
    return text[:8] in (b"HTTP/1.0", b"HTTP/1.1") and text[8:] in (b"", b"\r")


def _begins_field(rest: bytes) -> bool:
    rest = rest.removesuffix(b"\r")
    return not rest or bool(_METHOD_ONLY.fullmatch(rest) or _FIELD_LINE.fullmatch(rest))
