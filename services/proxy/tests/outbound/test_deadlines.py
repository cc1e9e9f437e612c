"""Timeouts of a request, on a wheel whose time the test tells. Through real sidecars: test_managed.py."""

from collections.abc import Callable
from typing import cast

import pytest

from linkerd_contract.outbound import Timeouts
from linkerd_proxy.errors import ProxyError
from linkerd_proxy.http.runtime import Runtime
from linkerd_proxy.outbound.deadlines import Deadlines
from linkerd_rules.policy.timeouts import CompiledTimeouts


class Timer:
    def __init__(self, due: float, callback: Callable[[], object]) -> None:
        self.due = due
        self.callback = callback
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


class Clock:
    """The turn, the wheel and the runtime in one."""

    def __init__(self) -> None:
        self.now = 0.0
        self.timers: list[Timer] = []
        self.turn = self.wheel = self

    def read(self) -> float:
        return self.now

    def after(self, seconds: float, callback: Callable[[], object]) -> Timer:
        timer = Timer(self.now + seconds, callback)
        self.timers.append(timer)
        return timer

    def advance(self, to: float) -> None:
        while due := sorted((t for t in self.timers if not t.cancelled and t.due <= to), key=lambda t: t.due):
            self.timers.remove(due[0])
            self.now = max(self.now, due[0].due)
            due[0].callback()
        self.now = to


class Request:
    """What expired, and when; the first is the end of it."""

    def __init__(self, timeouts: Timeouts) -> None:
        self.clock = Clock()
        self.expired: list[tuple[float, str]] = []
        self.deadlines = Deadlines(cast("Runtime", self.clock), CompiledTimeouts.of(timeouts), 0.0)
        self.deadlines.start(self._expire)

    def _expire(self, error: ProxyError) -> None:
        self.expired.append((self.clock.now, error.cause))
        self.deadlines.stop()


@pytest.mark.parametrize(
    ("timeouts", "expected"),
    [
        (Timeouts(), []),
        (Timeouts(request_ms=1000), [(1.0, "REQUEST_TIMEOUT")]),
        (Timeouts(profile_ms=500), [(0.5, "REQUEST_TIMEOUT")]),
        (Timeouts(idle_ms=2000), [(2.0, "IDLE_TIMEOUT")]),
        (Timeouts(request_ms=1000, idle_ms=300), [(0.3, "IDLE_TIMEOUT")]),
        (Timeouts(response_ms=100), []),
    ],
)
def test_of_a_request_that_never_ends(timeouts: Timeouts, expected: list[tuple[float, str]]) -> None:
    request = Request(timeouts)
    request.clock.advance(100)
    assert request.expired == expected


def test_the_responses_time_begins_with_the_requests_end() -> None:
    request = Request(Timeouts(response_ms=1000))
    request.clock.advance(5)
    request.deadlines.request_ended()
    request.clock.advance(100)
    assert request.expired == [(6.0, "RESPONSE_STREAM_TIMEOUT")]


def test_a_profiles_time_ends_with_the_responses_head() -> None:
    request = Request(Timeouts(profile_ms=1000, request_ms=3000))
    request.clock.advance(0.9)
    request.deadlines.response_started()
    request.clock.advance(100)
    assert request.expired == [(3.0, "REQUEST_TIMEOUT")]


def test_frames_put_the_idle_timeout_off() -> None:
    request = Request(Timeouts(idle_ms=1000))
    for when in (0.5, 1.2, 2.1):
        request.clock.advance(when)
        request.deadlines.frame()
    request.clock.advance(100)
    assert request.expired == [(3.1, "IDLE_TIMEOUT")]


def test_nothing_comes_after_the_end() -> None:
    request = Request(Timeouts(request_ms=1000, response_ms=1000, idle_ms=1000, profile_ms=1000))
    heard: list[str] = []
    request.deadlines.after(0.5, lambda: heard.append("before"))
    request.deadlines.after(1.5, lambda: heard.append("after"))
    request.clock.advance(0.9)
    request.deadlines.stop()
    request.deadlines.request_ended()
    request.clock.advance(100)
    assert (request.expired, heard) == ([], ["before"])
