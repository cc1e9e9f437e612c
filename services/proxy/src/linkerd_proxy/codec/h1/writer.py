"""Bytes of HTTP/1 messages (RFC 9112). Pure functions over header lists; field lines are remembered for the process.

A name or value that could break out of its line is refused with ValueError: nothing that was validated on its way in
can be one.
"""

import re
from typing import Final

from linkerd_proxy.codec.headers import Header, Headers

LAST_CHUNK: Final = b"0\r\n\r\n"
CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"

LINE_MEMO: Final = 1_024
LINE_MEMO_LENGTH: Final = 128

REASONS: Final[dict[int, bytes]] = {
    100: b"Continue",
    101: b"Switching Protocols",
    102: b"Processing",
    103: b"Early Hints",
    200: b"OK",
    201: b"Created",
    202: b"Accepted",
    203: b"Non-Authoritative Information",
    204: b"No Content",
    205: b"Reset Content",
    206: b"Partial Content",
    300: b"Multiple Choices",
    301: b"Moved Permanently",
    302: b"Found",
    303: b"See Other",
    304: b"Not Modified",
    307: b"Temporary Redirect",
    308: b"Permanent Redirect",
    400: b"Bad Request",
    401: b"Unauthorized",
    402: b"Payment Required",
    403: b"Forbidden",
    404: b"Not Found",
    405: b"Method Not Allowed",
    406: b"Not Acceptable",
    407: b"Proxy Authentication Required",
    408: b"Request Timeout",
    409: b"Conflict",
    410: b"Gone",
    411: b"Length Required",
    412: b"Precondition Failed",
    413: b"Content Too Large",
    414: b"URI Too Long",
    415: b"Unsupported Media Type",
    416: b"Range Not Satisfiable",
    417: b"Expectation Failed",
    421: b"Misdirected Request",
    422: b"Unprocessable Content",
    425: b"Too Early",
    426: b"Upgrade Required",
    428: b"Precondition Required",
    429: b"Too Many Requests",
    431: b"Request Header Fields Too Large",
    451: b"Unavailable For Legal Reasons",
    500: b"Internal Server Error",
    501: b"Not Implemented",
    502: b"Bad Gateway",
    503: b"Service Unavailable",
    504: b"Gateway Timeout",
    505: b"HTTP Version Not Supported",
    508: b"Loop Detected",
}

_NAME: Final = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_BREAKS_LINE: Final = re.compile(rb"[\r\n\0]")
_BREAKS_TARGET: Final = re.compile(rb"[\x00-\x20\x7f]")

_lines: dict[Header, bytes] = {}
_line = _lines.__getitem__
_status_lines: dict[tuple[int, bytes], bytes] = {}


def _fields(headers: Headers) -> bytes:
    try:
        return b"".join(map(_line, headers))
    except KeyError:
        known = _lines.get
        return b"".join([known(field) or _new_line(field) for field in headers])


def _new_line(field: Header) -> bytes:
    name, value = field
    if not _NAME.fullmatch(name) or _BREAKS_LINE.search(value):
        raise ValueError(f"not a field: {name!r}")
    line = b"%b: %b\r\n" % field
    if len(line) <= LINE_MEMO_LENGTH:
        if len(_lines) >= LINE_MEMO:
            _lines.clear()
        _lines[field] = line
    return line


def request_head(method: bytes, target: bytes, version: bytes, headers: Headers) -> bytes:
    """``version`` is b"1.1" or b"1.0"; the list has no pseudo-header fields."""
    if _BREAKS_TARGET.search(target) or not method or _BREAKS_TARGET.search(method):
        raise ValueError("not a request line")
    return b"%b %b HTTP/%b\r\n%b\r\n" % (method, target, version, _fields(headers))


def status_line(status: int, version: bytes = b"1.1") -> bytes:
    line = _status_lines.get((status, version))
    if line is None:
        line = b"HTTP/%b %d %b\r\n" % (version, status, REASONS.get(status, b""))
        if 100 <= status <= 999 and version in (b"1.1", b"1.0"):
            _status_lines[status, version] = line
    return line


def response_head(status: int, version: bytes, headers: Headers) -> bytes:
    """``version`` is b"1.1" or b"1.0"."""
    return b"%b%b\r\n" % (status_line(status, version), _fields(headers))


def chunk(data: bytes) -> bytes:
    """One chunk; empty data is no chunk, for an empty one would end the body."""
    return b"%x\r\n%b\r\n" % (len(data), data) if data else b""


def last_chunk(trailers: Headers) -> bytes:
    """The end of a chunked body."""
    return b"0\r\n%b\r\n" % _fields(trailers) if trailers else LAST_CHUNK
