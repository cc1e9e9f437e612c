"""One request and its response: what joins a server's connection (down) and a client's (up).

Both sides, in either version of HTTP, have the same few methods, so an exchange needs no adapters: bytes of the
request go `down connection -> x.up.send`, bytes of the response `up connection -> x.down.send`, and credit goes
back through `consumed` (end-to-end flow control: whoever took body bytes says so when they are written onwards). What
has no connection yet, or any more, is one of the shared objects at the end of this file instead of None, so the pumps
never ask.

Heads are header lists as HTTP/2 has them, pseudo-headers first, and are never changed in place: they may be shared.
`x.observer` is the stage that sent the request to an endpoint: it rewrites the response's head and keeps the books.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from linkerd_contract.explain import DecisionStep
from linkerd_proxy.codec.h2.stream import H2Stream
from linkerd_proxy.codec.headers import Headers
from linkerd_proxy.errors import ProxyError, StreamReset
from linkerd_proxy.http import respond
from linkerd_proxy.telemetry.book import Cell
from linkerd_runtime.settings import Addr

if TYPE_CHECKING:
    from linkerd_proxy.http.request import RequestHead

# Bits of Exchange.flags.
REQUEST_ENDED: Final = 1
RESPONSE_STARTED: Final = 2
RESPONSE_ENDED: Final = 4
FIRST_DATA: Final = 8
"""The first bytes of the response's body, or its end, were seen (Linkerd measures latency for balancing there)."""
GRPC: Final = 16
CONNECT: Final = 32
UPGRADE: Final = 64
"""HTTP/1.1 with Upgrade, or CONNECT: carried in HTTP/1 only."""
HEAD: Final = 128
CLOSED: Final = 256
"""Nothing more will happen: ended, failed or given up by the client."""
ABSOLUTE_FORM: Final = 512
CARRIED: Final = 1024
"""HTTP/1 carried in HTTP/2 between proxies (l5d-orig-proto)."""

RESENDABLE: Final = 2048
"""All of the request was its head, and it was sent once: no byte of a response yet, it may be sent again."""

IDEMPOTENT: Final = frozenset((b"GET", b"HEAD", b"OPTIONS", b"TRACE", b"PUT", b"DELETE"))
"""Methods of requests that may be sent twice (RFC 9110 section 9.2.2)."""

# Versions of HTTP in which a request began its way.
HTTP_10: Final = 0
HTTP_11: Final = 1
HTTP_2: Final = 2


class Down(Protocol):
    """A connection to a client, as the response's way."""

    emit_errors: bool
    """Whether l5d-proxy-error may be told to this client."""

    def inform(self, x: "Exchange", head: Headers) -> None:
        """An informational response (1xx)."""

    def respond(self, x: "Exchange", head: Headers, end: bool) -> None:
        """The response's head, `:status` first."""

    def send(self, x: "Exchange", data: bytes, end: bool) -> None:
        """Some of the response's body; `data` may be empty with `end`."""

    def trailers(self, x: "Exchange", trailers: Headers) -> None:
        """The end of the response, with trailers."""

    def abort(self, x: "Exchange", error: ProxyError) -> None:
        """The response ends early."""

    def consumed(self, x: "Exchange", count: int) -> None:
        """So many bytes of the request's body were written onwards."""

    def close_after(self, x: "Exchange") -> None:
        """Close the connection when this response is out (HTTP/1; nothing on HTTP/2)."""

    def source(self, x: "Exchange") -> Addr | None:
        """The other end of the connection; None where it is gone."""

    def failure(self, x: "Exchange", error: ProxyError) -> str:
        """A request fails: count and keep why; what l5d-proxy-error says of it."""


class Up(Protocol):
    """A connection to an endpoint, as the request's way."""

    def send(self, x: "Exchange", data: bytes, end: bool) -> None:
        """Some of the request's body; `data` may be empty with `end`."""

    def trailers(self, x: "Exchange", trailers: Headers) -> None:
        """The end of the request, with trailers."""

    def cancel(self, x: "Exchange") -> None:
        """The client is gone."""

    def consumed(self, x: "Exchange", count: int) -> None:
        """So many bytes of the response's body were written onwards."""


class Way(NamedTuple):
    """The decisions on a request, in their order; `peer` is the endpoint (outbound) or the client (inbound)."""

    peer: str = ""
    steps: Sequence[DecisionStep] = ()
    attempts: int = 1


class Observer(Protocol):
    """Who keeps the books of an exchange once it has an endpoint."""

    def response_head(self, x: "Exchange", head: Headers) -> Headers:
        """The response begins; answers the head to pass on."""

    def first_data(self, x: "Exchange") -> None:
        """The first body bytes, or the end of a response without any."""

    def response_end(self, x: "Exchange", trailers: Headers | None) -> None:
        """The response is complete."""

    def failed(self, x: "Exchange", error: ProxyError | None) -> None:
        """It ended early; None: because the client went away."""

    def explain(self, x: "Exchange") -> Way:
        """Where it went."""


class Service(Protocol):
    """Where requests go: the logical stage (outbound) or the router (inbound) of one connection."""

    def __call__(self, x: "Exchange") -> None:
        """Send it on, or answer it with `x.fail`."""


class Exchange:
    """One request and its response."""

    __slots__ = (
        "cell",
        "down",
        "down_held",
        "down_stream",
        "flags",
        "grpc_status",
        "head",
        "observer",
        "sent",
        "started",
        "status",
        "up",
        "up_held",
        "up_stream",
        "waiting",
    )

    def __init__(self, down: Down, stream: H2Stream | None, head: "RequestHead", started: float) -> None:
        self.down = down
        self.down_stream = stream
        self.head = head
        self.started = started
        self.sent = 0.0
        """When the request ended, where it did so after its head."""
        self.up: Up = WAITING
        self.up_stream: H2Stream | None = None
        self.observer: Observer = NOBODY
        self.cell = UNCOUNTED
        """Where the sizes of its body's pieces are counted, both ways: the observer's cell."""
        self.flags = head.flags
        self.status = b""
        self.grpc_status: bytes | None = None
        self.down_held = 0
        """Bytes of the response taken from `up` and not yet written to the client."""
        self.up_held = 0
        """Bytes of the request taken from `down` and not yet written to the endpoint."""
        self.waiting: list[bytes | Headers] | None = None

    def fail(self, error: ProxyError) -> None:
        """The endpoint or the way to it failed: the client gets an error, or, mid-response, an early end."""
        flags = self.flags
        if flags & CLOSED:
            return
        self.flags = flags | CLOSED
        self.up = NOWHERE
        if flags & RESPONSE_ENDED:
            return  # only the rest of the request is lost, which nobody waits for
        self.observer.failed(self, error)
        down = self.down
        held, self.up_held = self.up_held, 0
        if held:
            down.consumed(self, held)
        line = down.failure(self, error)
        if flags & RESPONSE_STARTED or isinstance(error, StreamReset):
            down.abort(self, error)
            return
        if error.close:
            down.close_after(self)
        down.respond(self, respond.head(error, line, grpc=flags & GRPC != 0, emit=down.emit_errors), True)

    def gone(self) -> None:
        """The client went away before the end of the response."""
        if self.flags & CLOSED:
            return
        if not self.flags & RESPONSE_ENDED:
            self.observer.failed(self, None)
        self.flags |= CLOSED
        self.down = GONE
        self.release_down()
        up, self.up = self.up, NOWHERE
        up.cancel(self)

    def release_down(self) -> None:
        """What was held of the response has gone on to the client, or never will: its sender may send as much more."""
        held, self.down_held = self.down_held, 0
        if held:
            self.up.consumed(self, held)


OnFailure = Callable[[Exchange, ProxyError], str]
"""What a server's connection asks when a request fails; see Down.failure."""


def untold(x: Exchange, error: ProxyError) -> str:
    """Nothing is kept; the message is all."""
    return error.message


class _Waiting:
    """`up` until there is a connection: keeps what comes. Flow control bounds it, as nothing is consumed."""

    def send(self, x: Exchange, data: bytes, end: bool) -> None:
        if x.waiting is None:
            x.waiting = []
        if data:
            x.waiting.append(data)

    def trailers(self, x: Exchange, trailers: Headers) -> None:
        if x.waiting is None:
            x.waiting = []
        x.waiting.append(trailers)

    def cancel(self, x: Exchange) -> None:
        x.waiting = None

    def consumed(self, x: Exchange, count: int) -> None:
        pass


class _Nowhere:
    """`up` of a request that was answered by this proxy, or whose endpoint failed: swallows what still comes."""

    def send(self, x: Exchange, data: bytes, end: bool) -> None:
        x.down.consumed(x, len(data))

    def trailers(self, x: Exchange, trailers: Headers) -> None:
        pass

    def cancel(self, x: Exchange) -> None:
        pass

    def consumed(self, x: Exchange, count: int) -> None:
        pass


class _Gone:
    """`down` of a request whose client went away: swallows the response."""

    emit_errors = False

    def inform(self, x: Exchange, head: Headers) -> None:
        pass

    def respond(self, x: Exchange, head: Headers, end: bool) -> None:
        pass

    def send(self, x: Exchange, data: bytes, end: bool) -> None:
        x.up.consumed(x, len(data))

    def trailers(self, x: Exchange, trailers: Headers) -> None:
        pass

    def abort(self, x: Exchange, error: ProxyError) -> None:
        pass

    def consumed(self, x: Exchange, count: int) -> None:
        pass

    def close_after(self, x: Exchange) -> None:
        pass

    def source(self, x: Exchange) -> Addr | None:
        return None

    def failure(self, x: Exchange, error: ProxyError) -> str:
        return error.message


class Told:
    """`observer` of a request that has no endpoint: nothing to keep books of, but its way so far may be known."""

    __slots__ = ("_way",)

    def __init__(self, way: Way) -> None:
        self._way = way

    def response_head(self, x: Exchange, head: Headers) -> Headers:
        return head

    def first_data(self, x: Exchange) -> None:
        pass

    def response_end(self, x: Exchange, trailers: Headers | None) -> None:
        pass

    def failed(self, x: Exchange, error: ProxyError | None) -> None:
        pass

    def explain(self, x: Exchange) -> Way:
        return self._way


UNCOUNTED: Final = Cell()
"""The cell of exchanges that no observer counts; never rendered."""
WAITING: Final = _Waiting()
NOWHERE: Final = _Nowhere()
GONE: Final = _Gone()
NOBODY: Final = Told(Way())
