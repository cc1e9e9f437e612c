"""Tap: `POST /v1/tap` on the proxy's control port (:4190, mTLS, only viz's tap identity), and what viz streams on.

The answer is newline-delimited JSON, one TapEvent a line, until `limit` requests were seen and have ended, or the
client leaves. Blank lines say that the stream lives, and are skipped by readers.
"""

from msgspec import field

from linkerd_contract.codec import Document, OpenEnum

TAP_PATH = "/v1/tap"


class TapMatch(Document, frozen=True):
    """Fields are ANDed; all, any and not nest. Prefixes are of the whole string. `labels`: of the destination."""

    all: list["TapMatch"] = []
    any: list["TapMatch"] = []
    not_: "TapMatch | None" = field(default=None, name="not")
    source_cidr: str | None = None
    destination_cidr: str | None = None
    destination_port_min: int | None = None
    destination_port_max: int | None = None
    scheme: str | None = None
    method: str | None = None
    authority: str | None = None
    authority_prefix: str | None = None
    path: str | None = None
    path_prefix: str | None = None
    destination_labels: dict[str, str] = {}
    route_labels: dict[str, str] = {}


class TapRequest(Document, frozen=True):
    """`limit` and `match` are required; `max_rps` bounds the requests that one proxy follows.

    `headers` asks for the names of header fields, `header_values` for their values too; those of credentials
    (authorization, cookies) are never shown.
    """

    limit: int
    match: TapMatch
    max_rps: float = 100.0
    headers: bool = False
    header_values: bool = False


class TapDirection(OpenEnum):
    """Which side of the proxy saw it."""

    inbound = "inbound"
    outbound = "outbound"
    unknown = "unknown"


class TapPeer(Document, frozen=True):
    """An end of the exchange. `metadata` are its labels (pod, deployment, namespace …; tls, client_id, server_id)."""

    ip: str
    port: int
    metadata: dict[str, str] = {}


class TapHeader(Document, frozen=True):
    """One header field; values are redacted unless asked for and allowed."""

    name: str
    value: str


class TapRequestInit(Document, frozen=True):
    """The request's head."""

    method: str
    scheme: str
    authority: str
    path: str
    headers: list[TapHeader] = []


class TapResponseInit(Document, frozen=True):
    """The response's head."""

    since_request_init_us: int
    http_status: int
    headers: list[TapHeader] = []


class TapResponseEnd(Document, frozen=True):
    """The end of the response. `reset_code` (HTTP/2's) where it ended early: 8 where the client went away."""

    since_request_init_us: int
    since_response_init_us: int
    response_bytes: int
    grpc_status: int | None = None
    reset_code: int | None = None
    trailers: list[TapHeader] = []


class TapEvent(Document, frozen=True):
    """One event; exactly one of the last three fields is set. `base` and `stream` make the id.

    `dropped`: how many events this stream has lost so far, because its reader was too slow.
    """

    direction: TapDirection
    source: TapPeer
    destination: TapPeer
    base: int
    stream: int
    route_labels: dict[str, str] = {}
    dropped: int = 0
    request_init: TapRequestInit | None = None
    response_init: TapResponseInit | None = None
    response_end: TapResponseEnd | None = None
