"""A request of a route with features: filters, timeouts, and as many attempts as the retry policy allows.

Towards the client it is the `up` of the request's exchange; each attempt is an exchange of its own. A response is
passed on as it comes once it is decided that it is the one ("committed"). Whether there is another attempt is
retrying.py's to say, the timeouts are deadlines.py's. Credit for bytes that a later attempt sends again is not given to
the client twice.
"""

from collections.abc import Sequence

from linkerd_contract.explain import DecisionStep
from linkerd_proxy.codec.headers import Headers, find
from linkerd_proxy.errors import BackendMissing, ProxyError, ResponseTimeout
from linkerd_proxy.http import filtered
from linkerd_proxy.http.exchange import (
    CLOSED,
    GRPC,
    NOWHERE,
    REQUEST_ENDED,
    RESPONSE_ENDED,
    RESPONSE_STARTED,
    UPGRADE,
    WAITING,
    Exchange,
    Told,
    Way,
)
from linkerd_proxy.http.request import RequestHead
from linkerd_proxy.http.told import RETRIED, trace
from linkerd_proxy.outbound.attempt import Attempt
from linkerd_proxy.outbound.concrete import Concrete
from linkerd_proxy.outbound.deadlines import Deadlines
from linkerd_proxy.outbound.features import RouteFeatures
from linkerd_proxy.outbound.retrying import Retrying
from linkerd_proxy.outbound.way import attempt_step
from linkerd_rules.policy.filters import Answer, Filters
from linkerd_runtime.settings import Addr


class Managed:
    """One request."""

    def __init__(self, features: RouteFeatures, x: Exchange) -> None:
        self._features = features
        self._runtime = features.runtime
        self._route = features.route
        self._x = x
        x.head, retry, timeouts = features.settings(x.head)
        self._retrying = Retrying(features, x, retry)
        self._deadlines = Deadlines(features.runtime, timeouts, x.started)
        self._attempt: Attempt | None = None
        self._filters: tuple[Filters, ...] = ()
        self._held: Headers | None = None
        """A gRPC response's head while its end may still call for a retry."""
        self._peeked = b""
        """The first message behind such a head, until it is known whether the end follows at once."""
        self._committed = False
        self._told = False
        """Whether the last answer is a filter's, which leaves a trace of its own where one is due."""
        self._closed = False

    def start(self) -> None:
        """Send it."""
        x = self._x
        if x.flags & UPGRADE:
            self._pass_upgrade()
            return
        x.up = self
        x.cell = self._features.cell(x)
        if self._features.budget is not None:
            self._features.budget.deposit(self._runtime.turn.now)
        if self._features.metrics is not None:
            self._features.metrics.effective.requests.value += 1
        self._deadlines.start(self._expire)
        if x.flags & REQUEST_ENDED:
            self._deadlines.request_ended()
        self._try()

    # Up: from the client.

    def send(self, x: Exchange, data: bytes, end: bool) -> None:
        self._deadlines.frame()
        if data:
            x.cell.request_frames.observe(len(data))
            self._retrying.replay.keep(data)
        attempt = self._attempt
        if end:
            self._deadlines.request_ended()
        if attempt is None:
            x.down.consumed(x, len(data))
            return
        if end:
            attempt.flags |= REQUEST_ENDED
            attempt.sent = self._runtime.turn.now
        attempt.up.send(attempt, data, end)
        if end:
            self._part()

    def trailers(self, x: Exchange, trailers: Headers) -> None:
        self._retrying.replay.keep(trailers)
        self._deadlines.request_ended()
        attempt = self._attempt
        if attempt is not None:
            attempt.flags |= REQUEST_ENDED
            attempt.up.trailers(attempt, trailers)
            self._part()

    def cancel(self, x: Exchange) -> None:
        self._stop()
        attempt, self._attempt = self._attempt, None
        if attempt is not None:
            attempt.abandon(None)

    def consumed(self, x: Exchange, count: int) -> None:
        attempt = self._attempt
        if attempt is not None:
            attempt.down_held -= count
            attempt.up.consumed(attempt, count)
            if self._closed:
                self._part()

    # From an attempt.

    def inform(self, head: Headers) -> None:
        """An informational response."""
        if not self._committed:
            self._x.down.inform(self._x, head)

    def responded(self, attempt: Attempt, head: Headers, end: bool) -> None:
        """The head of a response."""
        if attempt is not self._attempt:
            return
        self._deadlines.frame()
        if attempt.timer is not None:
            attempt.timer.cancel()
        complete = end or attempt.flags & RESPONSE_ENDED != 0
        if not end and attempt.flags & GRPC and attempt.grpc_status is None and self._retrying.can_repeat:
            self._held = head
        elif self._calls_for_retry(attempt):
            self._again(attempt, complete=complete)
        else:
            self._commit(head, attempt if end else None)

    def body(self, attempt: Attempt, data: bytes, end: bool) -> None:
        """Some of a response's body."""
        if attempt is not self._attempt:
            return
        self._deadlines.frame()
        attempt.down_held += len(data)
        if self._held is not None and not self._peeked and not end:
            # Its status may lie right behind it: all that was read with it is looked at first (Linkerd).
            self._peeked = data
            self._runtime.loop.call_soon(self._end_peek, attempt)
            return
        self._commit_held()
        if end:
            self._finish(attempt)
        self._x.down.send(self._x, data, end)

    def ended(self, attempt: Attempt, trailers: Headers) -> None:
        """The end of a response, with trailers."""
        if attempt is not self._attempt:
            return
        if self._held is not None and self._calls_for_retry(attempt):
            peeked, self._peeked = len(self._peeked), b""
            attempt.down_held -= peeked
            attempt.up.consumed(attempt, peeked)
            self._again(attempt, complete=True)
            return
        self._commit_held()
        self._finish(attempt)
        self._x.down.trailers(self._x, trailers)

    def aborted(self, error: ProxyError) -> None:
        """The endpoint wants no more of the request after its response."""
        self._x.down.abort(self._x, error)

    def credit(self, attempt: Attempt, count: int) -> None:
        """An endpoint took so many bytes of the request's body."""
        attempt.credited += count
        new = self._retrying.replay.credit(attempt.credited)
        if new:
            self._x.down.consumed(self._x, new)

    def source(self) -> Addr | None:
        """Who sent the request."""
        return self._x.down.source(self._x)

    def failed(self, attempt: Attempt, error: ProxyError) -> None:
        """An attempt had no response, or not all of one."""
        if attempt is not self._attempt:
            return
        if not self._committed and self._retrying.called_for_after(error):
            self._again(attempt, complete=True, error=error.label)
            return
        self._finish(attempt, error)
        self._fail(error, attempt)

    # Attempts.

    def _try(self) -> None:
        if self._closed:
            return
        now = self._runtime.turn.read()
        x = self._x
        choice = self._features.choose()
        if choice is None:
            self._stop()
            self._fail(BackendMissing(), None)
            return
        ref, concrete = choice
        self._retrying.tries += 1
        self._filters = (self._route.filters, self._features.backend_filters(ref))
        attempt = self._attempt = Attempt(self, x.head, x.head.flags | x.flags & REQUEST_ENDED, now)
        if self._retrying.replay.parts:
            attempt.waiting = list(self._retrying.replay.parts)
        if self._features.metrics is not None:
            self._features.metrics.actual_requests.value += 1
        delay = sum(filters.delay_ms(self._runtime.rng()) for filters in self._filters)
        if delay:
            self._deadlines.after(delay / 1000, lambda: self._send(attempt, concrete))
        else:
            self._send(attempt, concrete)

    def _send(self, attempt: Attempt, concrete: Concrete) -> None:
        if self._closed or attempt is not self._attempt:
            return
        self._runtime.turn.read()
        answer = self._features.answer(self._filters, self._x)
        if answer is not None:
            self._answered(attempt, answer)
            return
        attempt.head = self._request_head()
        timeout = self._retrying.timeout()
        if timeout is not None:
            attempt.timer = self._deadlines.after(timeout, lambda: self._try_expired(attempt))
        concrete.send(attempt, self._route)

    def _request_head(self) -> RequestHead:
        """The request's head as the route's and the backend's filters want it."""
        head = self._x.head
        fields = head.fields
        for filters in self._filters:
            fields = [*filters.request_headers(fields)]
        return head if fields == head.fields else RequestHead(fields, head.version, head.flags)

    def _answered(self, attempt: Attempt, answer: Answer) -> None:
        """A filter answered in the endpoint's place."""
        x = self._x
        waiting, attempt.waiting = attempt.waiting or [], None
        attempt.flags |= CLOSED | RESPONSE_ENDED
        attempt.up = NOWHERE
        head = filtered.response(answer, "", grpc=x.flags & GRPC != 0, emit=False)
        attempt.status = head[0][1]
        attempt.grpc_status = find(head, b"grpc-status")
        self.credit(attempt, sum(len(part) for part in waiting if isinstance(part, bytes)))
        self._deadlines.frame()
        if self._calls_for_retry(attempt):
            self._again(attempt, complete=True)
        else:
            self._told = filtered.is_failure(answer, x)
            self._commit(filtered.tell(self._runtime.decisions, "outbound", x, answer, self._way(attempt)), attempt)

    def _calls_for_retry(self, attempt: Attempt) -> bool:
        return not self._committed and self._retrying.called_for_by(attempt)

    def _again(self, attempt: Attempt, *, complete: bool, error: str = "") -> None:
        """Another attempt in this one's place, after the backoff."""
        wait = self._retrying.followed(attempt, error)
        self._attempt = None
        self._held = None
        attempt.discard(complete=complete)
        if wait:
            self._deadlines.after(wait, self._try)
        else:
            # Not from here: attempts that fail at once would nest.
            self._runtime.loop.call_soon(self._try)

    # The response that counts.

    def _end_peek(self, attempt: Attempt) -> None:
        if attempt is self._attempt:
            self._commit_held()

    def _commit_held(self) -> None:
        head, self._held = self._held, None
        peeked, self._peeked = self._peeked, b""
        if head is not None:
            self._commit(head, None)
            if peeked:
                self._x.down.send(self._x, peeked, False)

    def _commit(self, head: Headers, ended: Attempt | None) -> None:
        """This is the response; `ended`: it has no body."""
        x = self._x
        self._committed = True
        self._retrying.replay.drop()
        self._deadlines.response_started()
        for filters in reversed(self._filters):
            head = [*filters.response_headers(head)]
        x.flags |= RESPONSE_STARTED
        if ended is not None:
            self._finish(ended)
        x.down.respond(x, head, ended is not None)

    def _fail(self, error: ProxyError, attempt: Attempt | None) -> None:
        """The request fails; `attempt`: the one that was its last."""
        self._x.observer = Told(self._way(attempt))
        self._attempt = None
        self._x.fail(error)

    def _way(self, attempt: Attempt | None) -> Way:
        steps: Sequence[DecisionStep] = self._features.steps()
        peer = ""
        if attempt is not None:
            way = attempt.observer.explain(attempt)
            peer, steps = way.peer, way.steps or steps
        return Way(peer, [*steps, *self._retrying.trail], max(1, self._retrying.tries))

    def _finish(self, attempt: Attempt, error: ProxyError | None = None) -> None:
        """The response has ended, well or not."""
        self._stop()
        if error is None and self._retrying.tries > 1:
            if self._features.classify(attempt)[2]:
                self._features.retries(self._x).successes.value += 1
            if not self._told:
                way = self._way(attempt)
                last = attempt_step(self._retrying.tries, attempt, "")
                way = way._replace(steps=[*way.steps, last])
                self._runtime.decisions.record(trace("outbound", self._x, RETRIED, way))
        self._features.count_attempt(attempt, "" if error is None else error.label)
        self._features.count_request(self._x, attempt, error)
        self._part()

    # Time.

    def _try_expired(self, attempt: Attempt) -> None:
        if self._closed or attempt is not self._attempt or self._committed:
            return
        self._runtime.turn.read()
        error = ResponseTimeout()
        if not self._retrying.may():
            self._expire(error)
            return
        attempt.abandon(error)
        self._again(attempt, complete=True, error=error.label)

    def _expire(self, error: ProxyError) -> None:
        if self._closed:
            return
        self._runtime.turn.read()
        attempt, self._attempt = self._attempt, None
        if attempt is None:
            self._stop()
        else:
            self._finish(attempt, error)
            attempt.abandon(error)
        self._fail(error, attempt)

    def _stop(self) -> None:
        self._closed = True
        self._deadlines.stop()

    def _part(self) -> None:
        """Where nothing more can come, the request and this let go of each other: no cycle is left to the collector."""
        x, attempt = self._x, self._attempt
        if self._closed and x.flags & REQUEST_ENDED and (attempt is None or not attempt.down_held):
            self._attempt = None
            if x.up is self:
                x.up = NOWHERE

    # The rest.

    def _pass_upgrade(self) -> None:
        """Upgrades become bytes both ways: of the features only the request's filters apply."""
        x = self._x
        choice = self._features.choose()
        if choice is None:
            self._fail(BackendMissing(), None)
            return
        ref, concrete = choice
        self._filters = (self._route.filters, self._features.backend_filters(ref))
        answer = self._features.answer(self._filters, x)
        if answer is not None:
            x.flags |= CLOSED
            x.up = NOWHERE
            x.down.respond(x, filtered.tell(self._runtime.decisions, "outbound", x, answer, self._way(None)), True)
            return
        x.up = WAITING
        x.head = self._request_head()
        concrete.send(x, self._route)
