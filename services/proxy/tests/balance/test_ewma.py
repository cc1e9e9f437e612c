"""PeakEWMA: the formulas of Tower's, by table and by property."""

from math import exp

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkerd_proxy.balance import PeakEwma, penalty_ms


def test_the_default_counts_until_something_is_seen() -> None:
    ewma = PeakEwma(30, 10_000, now=0)
    assert ewma.load(0) == 30
    ewma.pending = 2
    assert ewma.load(0) == 90


def test_a_slower_round_trip_counts_at_once() -> None:
    ewma = PeakEwma(30, 10_000, now=0)
    ewma.observe(500, 1)
    assert ewma.load(1) == 500


def test_a_faster_one_counts_by_the_time_that_passed() -> None:
    ewma = PeakEwma(30, 10_000, now=0)
    ewma.observe(10, 5)
    weight = exp(-0.5)
    assert ewma.load(5) == pytest.approx(30 * weight + 10 * (1 - weight))


def test_reading_decays_towards_zero() -> None:
    ewma = PeakEwma(1000, 10_000, now=0)
    assert ewma.load(10) == pytest.approx(1000 * exp(-1))
    assert ewma.load(20) == pytest.approx(1000 * exp(-2))
    ewma.observe(5, 20)
    # No time passed since the reading: the estimate stays.
    assert ewma.load(20) == pytest.approx(1000 * exp(-2))


@given(st.lists(st.tuples(st.floats(0, 60), st.floats(0, 10_000)), max_size=50))
def test_the_estimate_stays_between_zero_and_the_worst(steps: list[tuple[float, float]]) -> None:
    ewma, now, worst = PeakEwma(30, 10_000, now=0), 0.0, 30.0
    for elapsed, rtt in steps:
        now += elapsed
        ewma.observe(rtt, now)
        worst = max(worst, rtt)
        assert 0 <= ewma.load(now) <= worst * (1 + 1e-9)
        assert ewma.estimate >= 0


def test_a_clock_that_stands_still_or_jumps_back_does_no_harm() -> None:
    ewma = PeakEwma(30, 10_000, now=100)
    ewma.observe(10, 100)
    assert ewma.load(99) == 30


@pytest.mark.parametrize(
    ("hint", "penalty"), [(None, 5000), (0, 5000), (7000, 7000), (300_000, 300_000), (9_000_000, 300_000)]
)
def test_penalty(hint: float | None, penalty: float) -> None:
    assert penalty_ms(hint) == penalty
