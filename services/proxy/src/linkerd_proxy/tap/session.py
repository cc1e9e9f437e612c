"""One tap: which requests it follows, and the events that wait to be written.

The data path puts events in and never waits: beyond MAX_EVENTS they are dropped and counted. A tap sees at most `limit`
requests and at most `max_rps` new ones a second (bursts of a second's worth); others pass unseen and uncounted.
"""

import asyncio
from collections import deque

from msgspec.structs import replace

from linkerd_contract.tap import (
    TapDirection,
    TapEvent,
    TapHeader,
    TapPeer,
    TapRequest,
    TapRequestInit,
    TapResponseEnd,
    TapResponseInit,
)
from linkerd_proxy.codec.h2 import errors
from linkerd_proxy.codec.headers import Headers, find
from linkerd_proxy.errors import ProxyError, StreamReset
from linkerd_proxy.http.exchange import Exchange
from linkerd_proxy.http.watch import Facts, Watch
from linkerd_proxy.tap.match import BadMatch, compile_match
from linkerd_proxy.transport.turn import Turn

MAX_EVENTS = 400
"""Of one tap, waiting to be written (Linkerd)."""
MAX_OTHERS = 10_000
"""Requests of other workers that one tap follows at once: the end of one may be among the events that they dropped."""
REDACTED = "<redacted>"
_CREDENTIALS = frozenset((b"authorization", b"proxy-authorization", b"cookie", b"set-cookie"))
"""Never shown, whatever is asked for."""


class TapSession:
    """`hook` is for Hooks; `wait` and `take` for the one who writes."""

    def __init__(self, request: TapRequest, turn: Turn, base: int) -> None:
        """`base` is the first half of the ids. Raises BadMatch for what cannot be followed."""
        if request.limit < 1:
            raise BadMatch("limit: must be at least 1")
        if not request.max_rps > 0:
            raise BadMatch("maxRps: must be greater than 0")
        self._request = request
        self._test = compile_match(request.match)
        self._turn = turn
        self._base = base
        self._left = request.limit
        self._open = 0
        self._next = 0
        self._dropped = 0
        self._others: dict[tuple[int, int], int] = {}
        """Requests of other workers that are followed: by worker and its number, the number here."""
        self._lost: dict[int, int] = {}
        """Events that other workers had to drop."""
        self._tokens = self._burst = max(1.0, request.max_rps)
        self._filled = turn.now
        self._events: deque[TapEvent] = deque()
        self._wake = asyncio.Event()

    def hook(self, x: Exchange, facts: Facts) -> None:
        """A request: follow it where it matches."""
        # The rate first: of a busy proxy's requests most are beyond it, and cost no more than this.
        if not self._left or not self._within_rate() or not self._test(x, facts):
            return
        self._tokens -= 1
        self._left -= 1
        self._open += 1
        self._next += 1
        TapWatch(x, facts, self, self._next)

    def take(self, worker: int, event: TapEvent) -> None:
        """An event of another worker, which looks for as many requests as this one: limit and rate are kept here."""
        key = worker, event.stream
        self._lost[worker] = event.dropped
        if event.request_init is not None:
            self._turn.read()
            if not self._left or len(self._others) >= MAX_OTHERS or not self._within_rate():
                return
            self._tokens -= 1
            self._left -= 1
            self._open += 1
            self._next += 1
            self._others[key] = self._next
        stream = self._others.get(key)
        if stream is None:
            return
        self.put(replace(event, base=self._base, stream=stream, dropped=self.dropped))
        if event.response_end is not None:
            del self._others[key]
            self.ended()

    def gone(self, worker: int) -> None:
        """Another worker has ended, and with it the requests that it had."""
        for key in [key for key in self._others if key[0] == worker]:
            del self._others[key]
            self.ended()
        self._dropped += self._lost.pop(worker, 0)

    @property
    def done(self) -> bool:
        """Whether there will be no further event, and none waits."""
        return not self._left and not self._open and not self._events

    async def wait(self, seconds: float) -> list[TapEvent]:
        """The events that wait, at the latest after `seconds`; then perhaps none."""
        if not self._events and not self.done:
            self._wake.clear()
            try:
                async with asyncio.timeout(seconds):
                    await self._wake.wait()
            except TimeoutError:
                pass
        events = list(self._events)
        self._events.clear()
        return events

    def put(self, event: TapEvent) -> None:
        """One event to write."""
        if len(self._events) >= MAX_EVENTS:
            self._dropped += 1
            return
        self._events.append(event)
        self._wake.set()

    def ended(self) -> None:
        """One followed request has ended."""
        self._open -= 1
        self._wake.set()

    @property
    def now(self) -> float:
        """Monotonic seconds."""
        return self._turn.now

    def first(self, facts: Facts, source: TapPeer, stream: int, init: TapRequestInit) -> TapEvent:
        """A request's first event."""
        return TapEvent(
            direction=TapDirection.inbound if facts.inbound else TapDirection.outbound,
            source=source,
            destination=TapPeer(facts.destination.host, facts.destination.port, dict(facts.destination_labels)),
            base=self._base,
            stream=stream,
            route_labels=dict(facts.route_labels),
            dropped=self.dropped,
            request_init=init,
        )

    def headers(self, fields: Headers) -> list[TapHeader]:
        """The fields, where they are asked for; values only where these are asked for too."""
        if not self._request.headers:
            return []
        shown = self._request.header_values
        return [
            TapHeader(name.decode("latin-1"), value.decode("latin-1"))
            if shown and name not in _CREDENTIALS
            else TapHeader(name.decode("latin-1"), REDACTED)
            for name, value in fields
            if name[:1] != b":"
        ]

    @property
    def dropped(self) -> int:
        """Events that were lost so far."""
        return self._dropped + sum(self._lost.values()) if self._lost else self._dropped

    def _within_rate(self) -> bool:
        """Whether one more request may be followed now."""
        now = self._turn.now
        self._tokens = min(self._burst, self._tokens + (now - self._filled) * self._request.max_rps)
        self._filled = now
        return self._tokens >= 1


class TapWatch(Watch):
    """One followed request."""

    __slots__ = ("_first", "_head_at", "_inbound", "_reset", "_session")

    def __init__(self, x: Exchange, facts: Facts, session: TapSession, stream: int) -> None:
        client = facts.client(x)
        super().__init__(x)
        self._inbound = facts.inbound
        self._session = session
        self._head_at = 0.0
        self._reset: int | None = None
        host, port = client if client is not None else ("", 0)
        head = x.head
        init = TapRequestInit(
            head.method.decode("latin-1"),
            (find(head.fields, b":scheme") or b"").decode("latin-1"),
            head.authority.decode("latin-1"),
            head.path.decode("latin-1"),
            session.headers(head.fields),
        )
        self._first = session.first(facts, TapPeer(host, port, dict(facts.source_labels)), stream, init)
        session.put(self._first)

    def started(self, x: Exchange, head: Headers) -> None:
        self._head_at = now = self._session.now
        init = TapResponseInit(_micros(now - x.started), int(head[0][1]), self._session.headers(head))
        self._put(init, None)

    def lost(self, x: Exchange, error: ProxyError | None) -> None:
        if error is None:
            self._reset = errors.CANCEL
        elif not self._inbound:
            # What is told to the client, if anything is, comes from this proxy and not from the endpoint: an attempt
            # that failed may be followed by another one.
            self._reset = _code(error)
            self.finish(x)

    def abort(self, x: Exchange, error: ProxyError) -> None:
        self._reset = _code(error)
        super().abort(x, error)

    def ended(self, x: Exchange, trailers: Headers) -> None:
        now = self._session.now
        status = find(trailers, b"grpc-status") or x.grpc_status
        end = TapResponseEnd(
            since_request_init_us=_micros(now - x.started),
            since_response_init_us=_micros(now - self._head_at) if self._head_at else 0,
            response_bytes=self.response_bytes,
            grpc_status=int(status) if status is not None and status.isdigit() else None,
            reset_code=self._reset,
            trailers=self._session.headers(trailers),
        )
        self._put(None, end)
        self._session.ended()

    def _put(self, init: TapResponseInit | None, end: TapResponseEnd | None) -> None:
        """What is the same in all events of a request is made once: it is most of what a followed request costs."""
        one, session = self._first, self._session
        same = (one.direction, one.source, one.destination, one.base, one.stream, one.route_labels)
        session.put(TapEvent(*same, session.dropped, None, init, end))


def _code(error: ProxyError) -> int:
    """HTTP/2's error code for an early end."""
    return error.code if isinstance(error, StreamReset) else errors.INTERNAL_ERROR


def _micros(seconds: float) -> int:
    return max(0, round(seconds * 1_000_000))
