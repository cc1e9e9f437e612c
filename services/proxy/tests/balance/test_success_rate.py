"""The rate over a window that moves."""

from hypothesis import given
from hypothesis import strategies as st

from linkerd_proxy.balance.success_rate import SuccessRate


def test_it_needs_enough_requests_and_a_rate_below() -> None:
    rate = SuccessRate(0.8, 10.0, 5)
    assert [rate.record(good, 0.0) for good in (True, True, True, False)] == [False] * 4
    # 4 of 5 is the threshold, not below it.
    assert not rate.record(True, 0.0)
    assert rate.record(False, 0.0)


def test_what_the_window_has_left_counts_no_more() -> None:
    rate = SuccessRate(0.5, 10.0, 2)
    for _ in range(10):
        rate.record(False, 0.5)
    # Bucket 0 ends at 1 s and is forgotten at 10 s, when its place is taken.
    assert rate.record(True, 9.99)
    assert not rate.record(True, 10.0)
    assert rate.record(False, 25.0) is False  # alone in the window: too few
    assert rate.record(False, 25.0)
    rate.clear()
    assert not rate.record(False, 25.0)


@given(st.lists(st.tuples(st.booleans(), st.floats(0, 8))), st.floats(0.01, 1))
def test_it_is_the_rate_of_the_buckets_in_the_window(steps: list[tuple[bool, float]], threshold: float) -> None:
    rate, now, seen = SuccessRate(threshold, 10.0, 3), 0.0, []
    for good, elapsed in steps:
        now += elapsed
        seen.append((int(now), good))
        recent = [was_good for second, was_good in seen if second > int(now) - 10]
        low = len(recent) >= 3 and sum(recent) < threshold * len(recent)
        assert rate.record(good, now) == low
