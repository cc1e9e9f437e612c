"""gRPC over HTTP: status of an answer, and how messages are written (gRPC's PROTOCOL-HTTP2.md)."""

import re
from typing import Final

from linkerd_proxy.codec.headers import Headers, find

OK: Final = 0
CANCELLED: Final = 1
UNKNOWN: Final = 2
INVALID_ARGUMENT: Final = 3
DEADLINE_EXCEEDED: Final = 4
NOT_FOUND: Final = 5
PERMISSION_DENIED: Final = 7
RESOURCE_EXHAUSTED: Final = 8
UNIMPLEMENTED: Final = 12
INTERNAL: Final = 13
UNAVAILABLE: Final = 14
DATA_LOSS: Final = 15

FAILURES: Final = frozenset((UNKNOWN, DEADLINE_EXCEEDED, PERMISSION_DENIED, INTERNAL, UNAVAILABLE, DATA_LOSS))
"""The codes that Linkerd counts as failures; the others are the caller's own doing."""

STATUS: Final = b"grpc-status"
MESSAGE: Final = b"grpc-message"
CONTENT_TYPE: Final = b"application/grpc"

_ESCAPED: Final = re.compile(rb"%([0-9A-Fa-f]{2})")
_PLAIN: Final = frozenset(range(0x20, 0x7F)) - {0x25}


def is_grpc(headers: Headers) -> bool:
    """By the content type's prefix, as Linkerd does: application/grpc, application/grpc+proto, ..."""
    value = find(headers, b"content-type")
    return value is not None and value.startswith(CONTENT_TYPE)


def status(headers: Headers) -> int | None:
    """Of a response's head or trailers; None when the field is absent; UNKNOWN when it is not a number."""
    value = find(headers, STATUS)
    if value is None:
        return None
    return int(value) if value.isdigit() and len(value) <= 9 else UNKNOWN


def is_success(code: int | None) -> bool:
    """No status at all counts as success, as in Linkerd's metrics."""
    return code not in FAILURES


def encode_message(text: str) -> bytes:
    """Percent-encoded UTF-8, as grpc-message carries it."""
    return b"".join([bytes((c,)) if c in _PLAIN else b"%%%02X" % c for c in text.encode("utf-8", "replace")])


def decode_message(value: bytes) -> str:
    """The text of a grpc-message; what is not valid percent-encoding stays as it is, never an error."""
    return _ESCAPED.sub(lambda match: bytes((int(match[1], 16),)), value).decode("utf-8", "replace")
