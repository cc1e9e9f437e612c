"""The timeouts of one request: of the whole of it, of its response, of silence, and a ServiceProfile's.

request = whole stream; response = from the request's end to the response's; idle = no frame either way; profile = from
the request's start to the response's head, all attempts together.
"""

from collections.abc import Callable

from linkerd_proxy.errors import ProfileTimeout, ProxyError, ResponseTimeout
from linkerd_proxy.http.runtime import Runtime
from linkerd_proxy.transport.wheel import Timer
from linkerd_rules.policy.timeouts import CompiledTimeouts

Expire = Callable[[ProxyError], None]


def _nothing(_error: ProxyError) -> None:
    pass


class Deadlines:
    """Also keeps the other timers of a request, which stop with it."""

    __slots__ = ("_active", "_expire", "_idle", "_profile", "_timeouts", "_timers", "_turn", "_wheel")

    def __init__(self, runtime: Runtime, timeouts: CompiledTimeouts, started: float) -> None:
        """`started`: when the request came (monotonic seconds)."""
        self._wheel = runtime.wheel
        self._turn = runtime.turn
        self._timeouts = timeouts
        self._active = started
        self._timers: list[Timer] = []
        self._profile: Timer | None = None
        self._idle: Timer | None = None
        self._expire: Expire = _nothing

    def start(self, expire: Expire) -> None:
        """From now on. `expire` gets the error of the first that runs out; `stop` is the caller's then, too."""
        self._expire = expire
        timeouts = self._timeouts
        if timeouts.request is not None:
            self.after(timeouts.request, lambda: self._expire(ResponseTimeout("request timeout", "REQUEST_TIMEOUT")))
        if timeouts.profile is not None:
            self._profile = self.after(timeouts.profile, lambda: self._expire(ProfileTimeout()))
        if timeouts.idle is not None:
            self._idle = self._wheel.after(timeouts.idle, self._idle_due)

    def after(self, seconds: float, callback: Callable[[], object]) -> Timer:
        """Call back, unless the request is over by then."""
        timer = self._wheel.after(seconds, callback)
        self._timers.append(timer)
        return timer

    def frame(self) -> None:
        """Something passed, either way."""
        self._active = self._turn.now

    def request_ended(self) -> None:
        """All of the request has come."""
        if self._timeouts.response is not None and self._expire is not _nothing:
            expired = ResponseTimeout("response timeout", "RESPONSE_STREAM_TIMEOUT")
            self.after(self._timeouts.response, lambda: self._expire(expired))

    def response_started(self) -> None:
        """The response's head goes to the client."""
        if self._profile is not None:
            self._profile.cancel()

    def stop(self) -> None:
        """The request is over."""
        self._expire = _nothing
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()
        if self._idle is not None:
            self._idle.cancel()

    def _idle_due(self) -> None:
        idle = self._timeouts.idle
        if idle is None or self._expire is _nothing:
            return
        left = self._active + idle - self._turn.read()
        if left <= 0:
            self._expire(ResponseTimeout("idle timeout", "IDLE_TIMEOUT"))
        else:
            self._idle = self._wheel.after(left, self._idle_due)
