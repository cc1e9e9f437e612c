"""Which field lists are well-formed messages (RFC 9113 section 8): run once for each new header block.

A malformed message is a stream error of type PROTOCOL_ERROR (section 8.1.1). The bytes of names and values follow RFC
9110 section 5: what passes here is safe to write into an HTTP/1 head.
"""

import re
from typing import Final

from linkerd_proxy.codec.headers import Headers, join_cookies

TOO_LARGE: Final = -2
"""In place of a status: the list is larger than our MAX_HEADER_LIST_SIZE, or has too many fields."""
MALFORMED: Final = -1
"""In place of a status."""
TRAILERS: Final = 0

MAX_FIELDS: Final = 256
"""Fields in one list: an HTTP/1 head may have 200, and what Linkerd adds comes on top."""
ENTRY_OVERHEAD: Final = 32

NO_LENGTH: Final = -1
LARGEST_LENGTH_DIGITS: Final = 18

_NAME = re.compile(rb"[!#$%&'*+\-.^_`|~0-9a-z]+")
_TOKEN = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_SCHEME = re.compile(rb"[A-Za-z][A-Za-z0-9+\-.]*")
_TARGET = re.compile(rb"[\x21-\x7e\x80-\xff]+")
_CONTROLS: Final = bytes((*range(9), *range(10, 32), 127))
"""All that RFC 9110 section 5.5 forbids in a value; a tab is allowed."""

_PSEUDO_REQUEST: Final = frozenset((b":method", b":scheme", b":authority", b":path"))
_FORBIDDEN: Final = frozenset((b"connection", b"proxy-connection", b"keep-alive", b"transfer-encoding", b"upgrade"))
_PLAIN_MEMO: Final = 1_024

_plain: set[bytes] = set()
"""Names that are known to be valid and without a rule of their own; bounded, shared by all connections."""


class Malformed(Exception):
    """Why a list is not a message."""


def check_values(headers: Headers) -> None:
    """No control characters anywhere, no white space around a value (RFC 9113 section 8.2.1)."""
    joined = b"\n".join([b"", *[value for _, value in headers], b""])
    if len(joined.translate(None, _CONTROLS)) != len(joined) - len(headers) - 1:
        raise Malformed("control character in a field value")
    if b"\n " in joined or b" \n" in joined or b"\n\t" in joined or b"\t\n" in joined:
        raise Malformed("white space around a field value")


def list_size(headers: Headers) -> int:
    """As MAX_HEADER_LIST_SIZE counts (RFC 9113 section 6.5.2)."""
    return sum([len(name) + len(value) + ENTRY_OVERHEAD for name, value in headers])


def _split(headers: Headers) -> tuple[dict[bytes, bytes], int, bytes | None]:
    """Pseudo-fields, content length and Host of a list whose regular fields are checked here."""
    pseudo: dict[bytes, bytes] = {}
    length, regular = NO_LENGTH, False
    host: bytes | None = None
    for name, value in headers:
        if name in _plain:
            regular = True
        elif name[:1] == b":":
            if regular:
                raise Malformed("pseudo-header field after a regular field")
            if name in pseudo:
                raise Malformed("repeated pseudo-header field")
            pseudo[name] = value
        else:
            regular = True
            if name == b"content-length":
                length = _length(value, length)
            elif name == b"host":
                if host is not None:
                    raise Malformed("repeated Host")
                host = value
            else:
                _check_name(name, value)
    return pseudo, length, host


def _length(value: bytes, previous: int) -> int:
    if previous != NO_LENGTH:
        raise Malformed("repeated Content-Length")
    if not value.isdigit() or len(value) > LARGEST_LENGTH_DIGITS:
        raise Malformed("Content-Length is not a number")
    return int(value)


def _check_name(name: bytes, value: bytes) -> None:
    if name in _FORBIDDEN:
        raise Malformed("connection-specific field")
    if name == b"te":
        if value.lower() != b"trailers":
            raise Malformed("TE other than trailers")
        return
    if not _NAME.fullmatch(name):
        raise Malformed("field name is not a lower-case token")
    if len(_plain) < _PLAIN_MEMO and len(name) <= 64:
        _plain.add(name)


def check_request(headers: Headers) -> int:
    """The content length, or NO_LENGTH. Raises Malformed."""
    check_values(headers)
    pseudo, length, host = _split(headers)
    if not pseudo.keys() <= _PSEUDO_REQUEST:
        raise Malformed("pseudo-header field that is not for requests")
    method, path, authority = pseudo.get(b":method"), pseudo.get(b":path"), pseudo.get(b":authority")
    if method is None or not _TOKEN.fullmatch(method):
        raise Malformed(":method is missing or not a token")
    if authority is not None and (b"@" in authority or not _TARGET.fullmatch(authority)):
        raise Malformed(":authority is not a host and port")
    if host is not None and authority is not None and host.lower() != authority.lower():
        raise Malformed("Host differs from :authority")
    if method == b"CONNECT":
        if authority is None or path is not None or b":scheme" in pseudo:
            raise Malformed("CONNECT has :authority and neither :scheme nor :path")
        return length
    if not _SCHEME.fullmatch(pseudo.get(b":scheme", b"")):
        raise Malformed(":scheme is missing or wrong")
    if path is None or not _TARGET.fullmatch(path):
        raise Malformed(":path is missing, empty or has white space")
    if path[0] != 0x2F and not (path == b"*" and method == b"OPTIONS"):
        raise Malformed(":path does not start with a slash")
    return length


def check_response(headers: Headers) -> tuple[int, int]:
    """The content length (or NO_LENGTH) and the status. Raises Malformed."""
    check_values(headers)
    pseudo, length, _ = _split(headers)
    status = pseudo.get(b":status", b"")
    if len(pseudo) != 1 or len(status) != 3 or not status.isdigit() or status < b"100":
        raise Malformed("a response has :status, three digits, and no other pseudo-header field")
    if status == b"101":
        raise Malformed("101 does not exist in HTTP/2")
    return length, int(status)


def check_trailers(headers: Headers) -> None:
    """Raises Malformed for pseudo-header fields and what no field section may have."""
    check_values(headers)
    pseudo, _, _ = _split(headers)
    if pseudo:
        raise Malformed("pseudo-header field in trailers")


Judged = tuple[Headers, int, int]
"""Fields, content length or NO_LENGTH, and the status: 0 for requests and trailers, MALFORMED or TOO_LARGE."""


def judge(headers: Headers, *, trailers: bool, client: bool, limit: int) -> Judged:
    """What a block is worth, never raising. The bound on the fields' number comes first: it bounds all other work."""
    if len(headers) > MAX_FIELDS or list_size(headers) > limit:
        return [], NO_LENGTH, TOO_LARGE
    try:
        if trailers:
            check_trailers(headers)
            return headers, NO_LENGTH, TRAILERS
        if client:
            return headers, *check_response(headers)
        return join_cookies(headers), check_request(headers), 0
    except Malformed:
        return [], NO_LENGTH, MALFORMED
