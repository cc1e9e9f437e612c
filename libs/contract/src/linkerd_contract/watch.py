"""`GET /v1/watch` on destination: one WebSocket per proxy, a JSON message per text frame.

The proxy says `hello` once, then `watch` and `unwatch`. The server answers each watch, and every later change, with:

- `{id, version, set}`: the whole document;
- `{id, version}`: what the proxy said it knows is current;
- `{id, version, base, endpoints}`: add and remove endpoints of one backend, to a reader that has `base`;
- `{id, error}`: this watch has no answer now; the watch stays, and a later answer replaces the error.

A list of endpoints longer than CHUNK travels in parts: every message but the last carries `end: false`, and the
reader applies them together when the last has come. `version` is a hash of the rendered document with the caller's
zone and namespace, so it means the same on every replica.
"""

import msgspec

from linkerd_contract.codec import Document, OpenEnum
from linkerd_contract.outbound import Endpoint

WATCH_PATH = "/v1/watch"
CHUNK = 1000
PING_SECONDS = 10
SILENCE_SECONDS = 30


class WatchKind(OpenEnum):
    """What a watch is about."""

    outbound = "outbound"
    inbound = "inbound"
    unknown = "unknown"


class Known(Document, frozen=True):
    """A document that the proxy still has from an earlier connection."""

    kind: WatchKind
    version: str
    target: str = ""


class Hello(Document, frozen=True, tag="hello", tag_field="type"):
    """The first message. `workload` is "namespace/pod"."""

    workload: str
    node: str = ""
    zone: str = ""
    known: list[Known] = []


class Watch(Document, frozen=True, tag="watch", tag_field="type"):
    """Begin to watch. `id` is the client's choice, unique on this connection. `target`: "ip:port" or "fqdn:port"."""

    id: int
    kind: WatchKind
    target: str = ""


class Unwatch(Document, frozen=True, tag="unwatch", tag_field="type"):
    """End a watch. Its id is never used again on this connection."""

    id: int


ClientMessage = Hello | Watch | Unwatch


class WatchCode(OpenEnum):
    """Why a watch has no answer."""

    not_found = "notFound"
    invalid_target = "invalidTarget"
    forbidden = "forbidden"
    unavailable = "unavailable"
    internal = "internal"
    unknown = "unknown"


class WatchError(Document, frozen=True):
    """`retryable`: the state may change; otherwise the target itself is wrong."""

    code: WatchCode
    message: str = ""
    retryable: bool = True


class EndpointsDelta(Document, frozen=True):
    """Endpoints of one backend: `add` replaces those of the same address; `remove` lists addresses."""

    backend: str
    add: list[Endpoint] = []
    remove: list[str] = []


class ServerMessage(Document, frozen=True):
    """One message to a proxy; `set` is an OutboundDocument or an InboundDocument by the watch's kind."""

    id: int
    version: str = ""
    set: msgspec.Raw = msgspec.Raw()
    base: str | None = None
    endpoints: EndpointsDelta | None = None
    error: WatchError | None = None
    end: bool = True
