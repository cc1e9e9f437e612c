"""Which field lists are well-formed messages (RFC 9113 section 8): run once for each new header block.

A malformed message is a stream error of type PROTOCOL_ERROR (section 8.1.1). The bytes of names and values follow RFC
9110 section 5: what passes here is safe to write into an HTTP/1 head.

Each field is judged alone first, and the verdict on short ones is remembered for the process; what is left for every
list is which fields it has, in which order.
"""

import re
from typing import Final

from linkerd_proxy.codec.headers import Header, Headers, join_cookies

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

FIELD_MEMO: Final = 2_048
FIELD_MEMO_LENGTH: Final = 96
"""Fields that are known to be valid, and their largest size: at most some 500 KB in the process."""

_PLAIN: Final = 0
_METHOD, _SCHEME, _PATH, _AUTHORITY, _STATUS, _LENGTH, _HOST, _COOKIE = (1 << bit for bit in range(8))
_LAST_PSEUDO: Final = _STATUS

_KINDS: Final[dict[bytes, int]] = {
    b":method": _METHOD,
    b":scheme": _SCHEME,
    b":path": _PATH,
    b":authority": _AUTHORITY,
    b":status": _STATUS,
    b"content-length": _LENGTH,
    b"host": _HOST,
    b"cookie": _COOKIE,
}
_FORBIDDEN: Final = frozenset((b"connection", b"proxy-connection", b"keep-alive", b"transfer-encoding", b"upgrade"))

_NAME: Final = re.compile(rb"[!#$%&'*+\-.^_`|~0-9a-z]+")
_VALUE: Final = re.compile(rb"(?:[\x21-\x7e\x80-\xff](?:[\t\x20-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?)?")
_VALUE_OF: Final[dict[int, re.Pattern[bytes]]] = {
    _METHOD: re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"),
    _SCHEME: re.compile(rb"[A-Za-z][A-Za-z0-9+\-.]*"),
    _PATH: re.compile(rb"/[\x21-\x7e\x80-\xff]*|\*"),
    _AUTHORITY: re.compile(rb"[\x21-\x3f\x41-\x7e\x80-\xff]+"),  # no "@": RFC 9113 section 8.3.1
    _STATUS: re.compile(rb"100|10[2-9]|1[1-9]\d|[2-9]\d\d"),  # 101 does not exist in HTTP/2: section 8.6
    _LENGTH: re.compile(rb"\d{1,%d}" % LARGEST_LENGTH_DIGITS),
}

_known: dict[Header, int] = {}


class Malformed(Exception):
    """Why a list is not a message."""


def _classify(field: Header) -> int:
    """The kind of a field that is valid by itself. Raises Malformed."""
    name, value = field
    kind = _KINDS.get(name, _PLAIN)
    if not _VALUE_OF.get(kind, _VALUE).fullmatch(value):
        raise Malformed(f"value of {name!r}")
    if kind == _PLAIN:
        if not _NAME.fullmatch(name):
            raise Malformed("field name is not a lower-case token, or an unknown pseudo-header field")
        if name in _FORBIDDEN or (name == b"te" and value.lower() != b"trailers"):
            raise Malformed("connection-specific field")
    if len(name) + len(value) <= FIELD_MEMO_LENGTH:
        if len(_known) >= FIELD_MEMO:
            _known.clear()
        _known[field] = kind
    return kind


def list_size(headers: Headers) -> int:
    """As MAX_HEADER_LIST_SIZE counts (RFC 9113 section 6.5.2)."""
    return sum([len(name) + len(value) + ENTRY_OVERHEAD for name, value in headers])


def survey(headers: Headers) -> dict[int, bytes]:
    """The fields with a rule, by kind; every field is valid, pseudo-header fields come first, none of them twice."""
    found: dict[int, bytes] = {}
    known = _known.get
    regular = False
    for field in headers:
        kind = known(field)
        if kind is None:
            kind = _classify(field)
        if kind:
            if kind > _LAST_PSEUDO:
                regular = True
            elif regular:
                raise Malformed("pseudo-header field after a regular field")
            if kind in found and kind != _COOKIE:
                raise Malformed("repeated field")
            found[kind] = field[1]
        else:
            regular = True
    return found


def check_request(headers: Headers) -> int:
    """The content length, or NO_LENGTH. Raises Malformed."""
    found = survey(headers)
    method, authority = found.get(_METHOD), found.get(_AUTHORITY)
    if method is None or _STATUS in found:
        raise Malformed("a request has :method and no :status")
    if method == b"CONNECT":
        if authority is None or _PATH in found or _SCHEME in found:
            raise Malformed("CONNECT has :authority and neither :scheme nor :path")
    else:
        path = found.get(_PATH)
        if path is None or _SCHEME not in found:
            raise Malformed("a request has :scheme and :path")
        if path == b"*" and method != b"OPTIONS":
            raise Malformed("only OPTIONS may ask for *")
    host = found.get(_HOST)
    if host is not None and authority is not None and host.lower() != authority.lower():
        raise Malformed("Host differs from :authority")
    return _length(found)


def check_response(headers: Headers) -> tuple[int, int]:
    """The content length (or NO_LENGTH) and the status. Raises Malformed."""
    found = survey(headers)
    status = found.get(_STATUS)
    if status is None or _METHOD in found or _PATH in found or _SCHEME in found or _AUTHORITY in found:
        raise Malformed("a response has :status and no other pseudo-header field")
    return _length(found), int(status)


def check_trailers(headers: Headers) -> None:
    """Raises Malformed for pseudo-header fields and what no field section may have."""
    for kind in survey(headers):
        if kind <= _LAST_PSEUDO:
            raise Malformed("pseudo-header field in trailers")


def _length(found: dict[int, bytes]) -> int:
    length = found.get(_LENGTH)
    return NO_LENGTH if length is None else int(length)


Judged = tuple[Headers, int, int]
"""Fields, content length or NO_LENGTH, and the status: 0 for requests and trailers, MALFORMED or TOO_LARGE."""


def judge(headers: Headers, *, trailers: bool, client: bool) -> Judged:
    """What a list that is not too large is worth; never raises."""
    try:
        if trailers:
            check_trailers(headers)
            return headers, NO_LENGTH, TRAILERS
        if client:
            return headers, *check_response(headers)
        return join_cookies(headers), check_request(headers), 0
    except Malformed:
        return [], NO_LENGTH, MALFORMED
