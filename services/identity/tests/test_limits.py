"""Rate limits, on a clock of the test's own."""

import heapq
import random
from collections import deque

from hypothesis import given, settings
from hypothesis import strategies as st

from linkerd_identity.limits import ACCOUNT_BURST, IN_WORK, POD_BURST, POD_PER_SECOND, InWork, RateLimits


def test_a_burst_then_the_rate() -> None:
    limits = RateLimits()
    assert [limits.allow("ns/web", "pod-1", 0.0) for _ in range(int(POD_BURST) + 1)] == [True] * int(POD_BURST) + [
        False
    ]
    assert not limits.allow("ns/web", "pod-1", 0.9 / POD_PER_SECOND)
    assert limits.allow("ns/web", "pod-1", 1.1 / POD_PER_SECOND)


def test_short_leaves_are_renewed_more_often() -> None:
    limits = RateLimits()
    limits.leaf_seconds = 6.0
    assert all(limits.allow("ns/web", "pod-1", at * 3.0) for at in range(200))


def test_pods_do_not_share() -> None:
    limits = RateLimits()
    assert all(limits.allow("ns/web", f"pod-{n}", 0.0) for n in range(10_000))


def test_tokens_without_a_pod_share_their_accounts() -> None:
    limits = RateLimits()
    allowed = sum(limits.allow("ns/web", "", 0.0) for _ in range(1000))
    assert allowed == ACCOUNT_BURST
    assert limits.allow("ns/api", "", 0.0)


@given(st.lists(st.floats(0, 1000), max_size=200))
def test_never_more_than_burst_and_rate(times: list[float]) -> None:
    limits = RateLimits()
    granted = sum(limits.allow("ns/web", "pod", at) for at in sorted(times))
    assert granted <= POD_BURST + 1000 * POD_PER_SECOND + 1


def test_a_clock_that_steps_back_takes_nothing() -> None:
    limits = RateLimits()
    assert limits.allow("ns/web", "pod", 100.0)
    assert limits.allow("ns/web", "pod", 0.0)


def test_only_so_many_at_once() -> None:
    work = InWork()
    assert [work.enter() for _ in range(IN_WORK + 1)] == [True] * IN_WORK + [False]
    work.leave()
    assert work.enter()


@settings(max_examples=5, deadline=None)
@given(st.integers(0, 1000))
def test_ten_thousand_pods_that_restart_at_once_are_all_served(seed: int) -> None:
    """Service of 500 a second, ten refusals cost as much as one; pods ask again after 0.2 s, doubling up to 30 s, with
    jitter (linkerd_runtime.certify). All are served within two minutes, and nobody waits for as long as 10 s.
    """
    rng = random.Random(seed)
    work, limits = InWork(), RateLimits()
    arrivals = [(rng.uniform(0.0, 1.0), pod, 0.2) for pod in range(10_000)]
    heapq.heapify(arrivals)
    waiting: deque[tuple[float, int]] = deque()
    now, served, longest = 0.0, 0, 0.0
    while arrivals or waiting:
        if not waiting:
            now = max(now, arrivals[0][0])
        # An event loop is fair: for each piece of work some of what has arrived is looked at.
        for _ in range(8):
            if not arrivals or arrivals[0][0] > now:
                break
            asked, pod, pause = heapq.heappop(arrivals)
            if work.enter():
                waiting.append((asked, pod))
            else:
                now += 0.0002
                again = now + pause * rng.uniform(0.5, 1.0)
                heapq.heappush(arrivals, (again, pod, min(30.0, pause * 2)))
        if waiting:
            asked, pod = waiting.popleft()
            now += 0.002
            work.leave()
            assert limits.allow("ns/web", f"pod-{pod}", now)
            served, longest = served + 1, max(longest, now - asked)
    assert served == 10_000
    assert now < 120, now
    assert longest < 10, longest
