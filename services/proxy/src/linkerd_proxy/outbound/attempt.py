"""One try of a managed request: an exchange with an endpoint whose response goes to the Managed that began it.

For clients an Attempt is an Exchange like any other, so nothing below the route knows of retries.
"""

from typing import TYPE_CHECKING, Final, cast

from linkerd_proxy.codec.headers import Headers
from linkerd_proxy.errors import ProxyError
from linkerd_proxy.http.exchange import CLOSED, FIRST_DATA, GONE, NOWHERE, RESPONSE_ENDED, Exchange
from linkerd_proxy.http.request import RequestHead
from linkerd_proxy.http.watch import Watch
from linkerd_proxy.transport.wheel import Timer
from linkerd_runtime.settings import Addr

if TYPE_CHECKING:
    from linkerd_proxy.outbound.managed import Managed


class Attempt(Exchange):
    """`credited`: bytes of the request's body that the endpoint took. `timer`: the per-try timeout."""

    __slots__ = ("credited", "managed", "timer")

    def __init__(self, managed: "Managed", head: RequestHead, flags: int, started: float) -> None:
        super().__init__(TOWARDS_CLIENT, None, head, started)
        self.flags = flags
        self.managed = managed
        self.credited = 0
        self.timer: Timer | None = None

    def fail(self, error: ProxyError) -> None:
        """The endpoint or the way to it failed: whether that is the end of the request is Managed's to say."""
        if self.flags & CLOSED:
            return
        self.flags |= CLOSED
        self.up = NOWHERE
        if self.flags & RESPONSE_ENDED:
            return
        self.observer.failed(self, error)
        self.managed.failed(self, error)

    def abandon(self, error: ProxyError | None) -> None:
        """Nobody waits for it any more; None: because the client went away."""
        if self.flags & CLOSED:
            return
        self.flags |= CLOSED
        if not self.flags & RESPONSE_ENDED:
            self.observer.failed(self, error)
        self.down = GONE
        up, self.up = self.up, NOWHERE
        up.cancel(self)

    def discard(self, *, complete: bool) -> None:
        """Its response is not wanted. What is complete, or only has to be read, leaves its connection usable."""
        if complete:
            self.flags |= CLOSED
            self.down = GONE
            return
        if not self.flags & FIRST_DATA:
            self.flags |= FIRST_DATA
            self.observer.first_data(self)
        self.observer.response_end(self, None)
        if isinstance(self.down, Watch):
            self.down.finish(self)
        self.flags |= RESPONSE_ENDED
        self.abandon(None)


class _TowardsClient:
    """`down` of every attempt."""

    emit_errors = False

    def inform(self, x: Exchange, head: Headers) -> None:
        cast("Attempt", x).managed.inform(head)

    def respond(self, x: Exchange, head: Headers, end: bool) -> None:
        attempt = cast("Attempt", x)
        attempt.managed.responded(attempt, head, end)

    def send(self, x: Exchange, data: bytes, end: bool) -> None:
        attempt = cast("Attempt", x)
        attempt.managed.body(attempt, data, end)

    def trailers(self, x: Exchange, trailers: Headers) -> None:
        attempt = cast("Attempt", x)
        attempt.managed.ended(attempt, trailers)

    def abort(self, x: Exchange, error: ProxyError) -> None:
        cast("Attempt", x).managed.aborted(error)

    def consumed(self, x: Exchange, count: int) -> None:
        attempt = cast("Attempt", x)
        attempt.managed.credit(attempt, count)

    def close_after(self, x: Exchange) -> None:
        pass

    def source(self, x: Exchange) -> Addr | None:
        return cast("Attempt", x).managed.source()

    def failure(self, x: Exchange, error: ProxyError) -> str:
        return error.message


TOWARDS_CLIENT: Final = _TowardsClient()
