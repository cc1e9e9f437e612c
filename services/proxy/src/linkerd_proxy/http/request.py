"""The head of a request, parsed once and shared by every request with the same bytes.

Codecs hand out the same list object for a block that they have seen before, and clients repeat themselves; so what is
found out about a head is kept with it. `decision` is for the stage that rewrites it: whose decision, and the fields.
"""

from typing import Final

from linkerd_contract.names import L5D_DST_OVERRIDE, L5D_ORIG_PROTO, L5D_REQUIRE_ID
from linkerd_proxy.codec.headers import Header, Headers, without
from linkerd_proxy.http.exchange import (
    ABSOLUTE_FORM,
    CARRIED,
    CONNECT,
    GRPC,
    HEAD,
    HTTP_2,
    HTTP_10,
    HTTP_11,
    UPGRADE,
)

_TO_THE_PROXY: Final = frozenset((L5D_REQUIRE_ID, L5D_DST_OVERRIDE))
"""What the application says to its own proxy and to nobody else (the override counts in ingress mode only)."""

MEMO_SIZE: Final = 128
"""Heads remembered for each connection."""


class RequestHead:
    """Never changed but for `decision`, `rewritten` and `bytes`, which are memos."""

    __slots__ = (
        "authority",
        "bytes",
        "decision",
        "fields",
        "flags",
        "method",
        "one_off",
        "path",
        "require_id",
        "rewritten",
        "sent",
        "upgrade",
        "version",
    )

    def __init__(self, fields: Headers, version: int = HTTP_2, flags: int = 0) -> None:
        """`fields` as HTTP/2 has them. `flags`: what the caller knows of the exchange's flags (UPGRADE …)."""
        found = dict(fields)
        self.fields = fields
        self.method = found[b":method"]
        self.authority = found.get(b":authority") or found.get(b"host", b"")
        self.path = found.get(b":path", b"")
        self.version = version
        self.decision: tuple[object, Headers] | None = None
        self.rewritten: tuple[object, RequestHead] | None = None
        """Whose version of this head, and the version."""
        self.upgrade = flags & UPGRADE != 0
        self.bytes: tuple[Headers, bool, bytes] | None = None
        """For http/h1.py: the fields for which these bytes were written, and whether chunked."""
        self.require_id = found.get(L5D_REQUIRE_ID)
        self.sent = without(fields, _TO_THE_PROXY)
        """The fields that leave this proxy towards an endpoint."""
        if self.method == b"HEAD":
            flags |= HEAD
        elif self.method == b"CONNECT":
            flags |= CONNECT
        if version == HTTP_2:
            if found.get(b"content-type", b"").startswith(b"application/grpc"):
                flags |= GRPC
            carried = found.get(L5D_ORIG_PROTO)
            if carried is not None:
                flags = self._carried(carried, flags)
        self.flags = flags
        self.one_off = self.version == HTTP_10 or (self.version == HTTP_11 and not self.authority)
        """Sent in HTTP/1, it has a connection of its own: who says so little may be old."""

    def _carried(self, value: bytes, flags: int) -> int:
        """HTTP/1 in HTTP/2: `HTTP/1.1`, `HTTP/1.0`, either with `; absolute-form`."""
        version, _, form = value.partition(b";")
        self.version = HTTP_10 if version.strip() == b"HTTP/1.0" else HTTP_11
        flags |= CARRIED
        if form.strip() == b"absolute-form":
            flags |= ABSOLUTE_FORM
        return flags


class HeadMemo:
    """Heads of one connection by their fields."""

    __slots__ = ("_heads",)

    def __init__(self) -> None:
        self._heads: dict[tuple[Header, ...], RequestHead] = {}

    def get(self, fields: Headers) -> RequestHead:
        """The head of these fields."""
        key = tuple(fields)
        head = self._heads.get(key)
        if head is None:
            if len(self._heads) >= MEMO_SIZE:
                self._heads.clear()
            head = self._heads[key] = RequestHead(fields)
        return head
