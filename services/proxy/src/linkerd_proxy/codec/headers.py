"""Header lists as the whole proxy passes them: lower-cased names and values in bytes, pseudo-headers first.

Nothing here copies a list that needs no change: most requests carry no hop-by-hop field.
"""

Header = tuple[bytes, bytes]
Headers = list[Header]

CONNECTION = b"connection"

HOP_BY_HOP: frozenset[bytes] = frozenset(
    (b"connection", b"proxy-connection", b"keep-alive", b"transfer-encoding", b"te", b"upgrade", b"http2-settings")
)
"""Fields that end at this hop when HTTP/1 becomes HTTP/2 (RFC 9113 section 8.2.2); for TE see `strip_hop_by_hop`."""

NOT_FORWARDED: frozenset[bytes] = frozenset((b"connection", b"proxy-connection", b"keep-alive", b"upgrade"))
"""Fields that a proxy removes besides what Connection names, HTTP/1 to HTTP/1 (RFC 9110 section 7.6.1)."""

END_TO_END: frozenset[bytes] = frozenset(
    (b"host", b"content-length", b"content-type", b"authorization", b"cookie", b"l5d-client-id", b"l5d-proxy-error")
)
"""What Connection may name without effect: removing it would change the message (RFC 9110 section 7.6.1)."""

TE_TRAILERS: Header = (b"te", b"trailers")


def find(headers: Headers, name: bytes) -> bytes | None:
    """The value of the first field with that (lower-case) name."""
    for field, value in headers:
        if field == name:
            return value
    return None


def find_all(headers: Headers, name: bytes) -> list[bytes]:
    return [value for field, value in headers if field == name]


def tokens(headers: Headers, name: bytes) -> list[bytes]:
    """The comma separated members of all fields of that name, lower-cased, empty members dropped."""
    found: list[bytes] = []
    for field, value in headers:
        if field == name:
            found += [member for part in value.lower().split(b",") if (member := part.strip(b" \t"))]
    return found


def without(headers: Headers, names: frozenset[bytes]) -> Headers:
    """The same list when none of the names is there, else a new one without them."""
    for field in headers:
        if field[0] in names:
            return [field for field in headers if field[0] not in names]
    return headers


def strip_hop_by_hop(headers: Headers, names: frozenset[bytes] = HOP_BY_HOP) -> Headers:
    """Without the fields of ``names`` and what Connection names; the same list when there is nothing to remove.

    ``TE: trailers`` stays (gRPC needs it, and HTTP/2 permits it); any other TE goes when ``names`` has it.
    """
    for field in headers:
        if field[0] in names:
            break
    else:
        return headers
    named: frozenset[bytes] = frozenset(tokens(headers, CONNECTION)) - END_TO_END - {b"te"}
    kept = [field for field in headers if field[0] not in names and field[0] not in named]
    if b"te" in names and b"trailers" in tokens(headers, b"te"):
        kept.append(TE_TRAILERS)
    return kept


def join_cookies(headers: Headers) -> Headers:
    """One Cookie field of many: HTTP/2 may split it, HTTP/1 may not see it split (RFC 9113 section 8.2.3)."""
    crumbs = find_all(headers, b"cookie")
    if len(crumbs) < 2:
        return headers
    joined: Headers = []
    for field in headers:
        if field[0] != b"cookie":
            joined.append(field)
        elif crumbs:
            joined.append((b"cookie", b"; ".join(crumbs)))
            crumbs = []
    return joined
