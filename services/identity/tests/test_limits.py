"""Rate limits, on a clock of the test's own."""

from hypothesis import given
from hypothesis import strategies as st

from linkerd_identity.limits import ACCOUNT_BURST, POD_BURST, POD_PER_SECOND, RateLimits


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
