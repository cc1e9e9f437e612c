"""Looking at requests without being on their way while nobody looks: tap, access log and tracing.

A stage calls the hooks of its direction for every request that it sends on; there are none as a rule, and then a
request costs one test of an attribute. A hook that wants to follow a request makes a Watch, which takes the place of
both the exchange's observer and its client's connection, passes everything on, counts bytes, and tells its subclass of
the head and of the end, once.
"""

from collections.abc import Callable, Mapping

from linkerd_proxy.addrs import ClientAddr
from linkerd_proxy.codec.headers import Headers
from linkerd_proxy.errors import ProxyError
from linkerd_proxy.http.exchange import Exchange, Way
from linkerd_runtime.settings import Addr


class Facts:
    """What is known of a request's way beyond its head: made once per route and endpoint (or client), and shared."""

    __slots__ = ("destination", "destination_labels", "inbound", "route_labels", "source", "source_labels")

    def __init__(
        self,
        destination: Addr,
        *,
        source: ClientAddr | None = None,
        source_labels: Mapping[str, str],
        destination_labels: Mapping[str, str],
        route_labels: Mapping[str, str],
    ) -> None:
        """`source`: inbound, the client; None is outbound, where the application's address is its connection's."""
        self.inbound = source is not None
        self.source = source
        self.destination = destination
        self.source_labels = source_labels
        self.destination_labels = destination_labels
        self.route_labels = route_labels

    def client(self, x: Exchange) -> Addr | None:
        """Who sent the request; None where it went away."""
        return self.source if self.source is not None else x.down.source(x)


Hook = Callable[[Exchange, Facts], None]


class Hooks:
    """What wants to see requests, by direction."""

    __slots__ = ("inbound", "outbound")

    def __init__(self) -> None:
        self.inbound: tuple[Hook, ...] = ()
        self.outbound: tuple[Hook, ...] = ()

    def add(self, hook: Hook, *, outbound: bool = True) -> None:
        """Let it see the requests of both directions, or of the inbound one only."""
        self.inbound += (hook,)
        if outbound:
            self.outbound += (hook,)

    def remove(self, hook: Hook) -> None:
        """No more."""
        self.inbound = tuple(other for other in self.inbound if other != hook)
        self.outbound = tuple(other for other in self.outbound if other != hook)


class Watch:
    """One request under observation; in place from its making on. Subclasses say what they want to know."""

    __slots__ = ("_ended", "down", "emit_errors", "error", "observer", "request_bytes", "response_bytes")

    def __init__(self, x: Exchange) -> None:
        self.observer = x.observer
        self.down = x.down
        self.emit_errors = x.down.emit_errors
        self.request_bytes = 0
        """Of the body, written onwards to the endpoint."""
        self.response_bytes = 0
        """Of the body, passed on towards the client."""
        self.error: ProxyError | None = None
        self._ended = False
        x.observer = self
        x.down = self

    # For subclasses.

    def started(self, x: Exchange, head: Headers) -> None:
        """The response's head goes to the client."""

    def ended(self, x: Exchange, trailers: Headers) -> None:
        """Nothing follows. `self.error`: why it ended early; `x.status` is empty where there was no response."""

    def lost(self, x: Exchange, error: ProxyError | None) -> None:
        """The endpoint failed (an error response may follow towards the client), or, None, the client went away."""

    # Observer.

    def response_head(self, x: Exchange, head: Headers) -> Headers:
        return self.observer.response_head(x, head)

    def first_data(self, x: Exchange) -> None:
        self.observer.first_data(x)

    def response_end(self, x: Exchange, trailers: Headers | None) -> None:
        self.observer.response_end(x, trailers)

    def failed(self, x: Exchange, error: ProxyError | None) -> None:
        self.observer.failed(x, error)
        self.error = error
        self.lost(x, error)
        if error is None:
            self.finish(x)

    def explain(self, x: Exchange) -> Way:
        return self.observer.explain(x)

    # Down.

    def inform(self, x: Exchange, head: Headers) -> None:
        self.down.inform(x, head)

    def respond(self, x: Exchange, head: Headers, end: bool) -> None:
        if not self._ended:
            self.started(x, head)
        self.down.respond(x, head, end)
        if end:
            self.finish(x)

    def send(self, x: Exchange, data: bytes, end: bool) -> None:
        self.response_bytes += len(data)
        self.down.send(x, data, end)
        if end:
            self.finish(x)

    def trailers(self, x: Exchange, trailers: Headers) -> None:
        self.down.trailers(x, trailers)
        self.finish(x, trailers)

    def abort(self, x: Exchange, error: ProxyError) -> None:
        self.error = error
        self.down.abort(x, error)
        self.finish(x)

    def consumed(self, x: Exchange, count: int) -> None:
        self.request_bytes += count
        self.down.consumed(x, count)

    def close_after(self, x: Exchange) -> None:
        self.down.close_after(x)

    def source(self, x: Exchange) -> Addr | None:
        return self.down.source(x)

    def failure(self, x: Exchange, error: ProxyError) -> str:
        return self.down.failure(x, error)

    def finish(self, x: Exchange, trailers: Headers | None = None) -> None:
        """The end, however it came; also when the connections of an upgrade become a relay of bytes."""
        if not self._ended:
            self._ended = True
            self.ended(x, trailers or [])
