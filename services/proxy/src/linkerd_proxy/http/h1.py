"""HTTP/1 heads to the form that exchanges carry (HTTP/2's), and back."""

from typing import Final

from linkerd_proxy.codec.h1 import head as h1
from linkerd_proxy.codec.h1 import writer
from linkerd_proxy.codec.headers import HOP_BY_HOP, NOT_FORWARDED, Header, Headers, strip_hop_by_hop
from linkerd_proxy.http.exchange import ABSOLUTE_FORM, CONNECT, HTTP_10, HTTP_11, UPGRADE
from linkerd_proxy.http.request import RequestHead

SCHEME: Final[Header] = (b":scheme", b"http")
CHUNKED: Final[Header] = (b"transfer-encoding", b"chunked")
CLOSE: Final[Header] = (b"connection", b"close")
KEEP_ALIVE: Final[Header] = (b"connection", b"keep-alive")
NO_BODY: Final[Header] = (b"content-length", b"0")

_OWN = frozenset((b"host",))
_NOT_FOR_HTTP2 = HOP_BY_HOP | {b"host"}


def request(head: h1.RequestHead) -> RequestHead:
    """What a request says, for the exchange; remembered with the head."""
    known = head.memo
    if known is not None:
        return known  # type: ignore[no-any-return]
    flags = UPGRADE if head.upgrade else 0
    target, authority = head.target, b""
    if target[:1] == b"/" or target == b"*":
        authority = next((value for name, value in head.headers if name == b"host"), b"")
    elif head.method == b"CONNECT":
        flags |= CONNECT
        authority, target = target, b""
    else:
        # The target's authority counts, whatever Host says (RFC 9112 section 3.2.2).
        flags |= ABSOLUTE_FORM
        authority, target = _split_absolute(head.method, target)
    fields: Headers = [(b":method", head.method)]
    if head.method != b"CONNECT":
        fields += [SCHEME, (b":path", target)]
    if authority:
        fields.append((b":authority", authority))
    if head.upgrade:
        fields += _upgrade_fields(head.headers)
    else:
        fields += strip_hop_by_hop(head.headers, _NOT_FOR_HTTP2)
    version = HTTP_10 if head.version == b"1.0" else HTTP_11
    head.memo = made = RequestHead(fields, version, flags)
    return made


def _split_absolute(method: bytes, target: bytes) -> tuple[bytes, bytes]:
    """Authority and path of an absolute URI."""
    rest = target.partition(b"://")[2]
    for i, byte in enumerate(rest):
        if byte in b"/?":
            path = rest[i:]
            return rest[:i], path if byte == 0x2F else b"/" + path
    return rest, b"*" if method == b"OPTIONS" else b"/"


def _upgrade_fields(headers: Headers) -> Headers:
    """Connection and Upgrade stay: the switch of protocols is end to end."""
    upgrade = [field for field in headers if field[0] == b"upgrade"]
    fields = strip_hop_by_hop([f for f in headers if f[0] != b"host"], NOT_FORWARDED)
    return [*fields, (b"connection", b"upgrade"), *upgrade] if upgrade else fields


def request_head(head: RequestHead, fields: Headers, chunked: bool) -> bytes:
    """The bytes of a request for an endpoint. `fields`: as the exchange has them, perhaps rewritten."""
    known = head.bytes
    if known is not None and known[0] is fields and known[1] == chunked:
        return known[2]
    authority = head.authority
    if head.flags & CONNECT:
        target = authority
    elif head.flags & ABSOLUTE_FORM:
        target = b"http://" + authority + (b"" if head.path == b"*" else head.path)
    else:
        target = head.path
    version = b"1.0" if head.version == HTTP_10 else b"1.1"
    regular: Headers = [(b"host", authority)] if authority or version == b"1.1" else []
    regular += [field for field in fields if field[0][0] != 0x3A and field[0] != b"host"]
    if chunked:
        regular.append(CHUNKED)
    data = writer.request_head(head.method, target, version, regular)
    head.bytes = (fields, chunked, data)
    return data


def response(head: h1.ResponseHead) -> Headers:
    """What a response says, in HTTP/2's form; remembered with the head."""
    known = head.memo
    if known is not None:
        return known  # type: ignore[no-any-return]
    fields: Headers = [(b":status", b"%d" % head.status)]
    if head.upgrade:
        fields += _upgrade_fields(head.headers)
    else:
        fields += strip_hop_by_hop(head.headers)
    head.memo = fields
    return fields


def has_length(fields: Headers) -> bool:
    """Whether there is a content-length."""
    return any(field[0] == b"content-length" for field in fields)
