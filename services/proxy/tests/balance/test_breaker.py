"""The breaker: a transcript for each path through its table."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkerd_contract.outbound import FailureAccrual
from linkerd_proxy.balance import Breaker, Gate

ACCRUAL = FailureAccrual(max_failures=3, min_penalty_ms=1000, max_penalty_ms=10_000, jitter_ratio=0.5)


def gate(breaker: Breaker) -> Gate:
    return breaker.gate


def shut(breaker: Breaker, now: float = 0) -> Breaker:
    for _ in range(3):
        breaker.record(False, now)
    assert gate(breaker) is Gate.shut
    return breaker


def test_consecutive_failures_shut_it() -> None:
    breaker = Breaker(ACCRUAL, lambda: 0.0)
    for success in (False, False, True, False, False):
        breaker.record(success, 0)
    assert breaker.admits(0)
    breaker.record(False, 0)
    assert not breaker.admits(0.999)
    assert breaker.until == 1.0


def test_a_successful_probe_reopens_and_forgets() -> None:
    breaker = shut(Breaker(ACCRUAL, lambda: 0.0))
    assert breaker.admits(1.0)
    assert gate(breaker) is Gate.probation
    breaker.sent()
    assert not breaker.admits(1.0)
    breaker.record(True, 1.1)
    assert gate(breaker) is Gate.open
    breaker.record(False, 2)
    assert breaker.admits(2)
    assert shut(breaker, 3).until == 4.0


def test_failed_probes_double_the_wait_up_to_the_limit() -> None:
    breaker = shut(Breaker(ACCRUAL, lambda: 0.0))
    now, waits = 0.0, []
    for _ in range(6):
        waits.append(breaker.until - now)
        now = breaker.until
        assert breaker.admits(now)
        breaker.sent()
        breaker.record(False, now)
    assert waits == [1, 2, 4, 8, 10, 10]


def test_jitter_is_within_the_ratio_and_the_limit() -> None:
    assert shut(Breaker(ACCRUAL, lambda: 1.0)).until == 1.5
    limited = FailureAccrual(max_failures=3, min_penalty_ms=9000, max_penalty_ms=10_000, jitter_ratio=0.5)
    assert shut(Breaker(limited, lambda: 1.0)).until == 10.0


@pytest.mark.parametrize("success", [True, False])
def test_late_answers_are_ignored_while_shut(success: bool) -> None:
    breaker = shut(Breaker(ACCRUAL, lambda: 0.0))
    until = breaker.until
    breaker.record(success, 0.5)
    assert (breaker.gate, breaker.until) == (Gate.shut, until)


def test_an_abandoned_probe_may_be_sent_again() -> None:
    breaker = shut(Breaker(ACCRUAL, lambda: 0.0))
    assert breaker.admits(1)
    breaker.sent()
    breaker.abandoned()
    assert breaker.admits(1)
    assert gate(breaker) is Gate.probation


UNIFIED = FailureAccrual(
    max_failures=3,
    min_penalty_ms=1000,
    jitter_ratio=0,
    success_rate_threshold=0.7,
    success_rate_window_ms=10_000,
    success_rate_min_requests=5,
)


def test_a_low_success_rate_shuts_it_without_failures_in_a_row() -> None:
    breaker = Breaker(UNIFIED, lambda: 0.0)
    for success in (True, False, True, False):
        breaker.record(success, 0)
    assert gate(breaker) is Gate.open
    breaker.record(True, 0)  # 3 of 5
    assert gate(breaker) is Gate.shut
    assert breaker.until == 1.0
    assert breaker.admits(1)
    breaker.sent()
    breaker.record(True, 1)
    assert gate(breaker) is Gate.open
    # The window began anew.
    for success in (False, True, True, True, True, True):
        breaker.record(success, 1)
    assert gate(breaker) is Gate.open


def test_being_limited_counts_in_the_rate_and_for_the_probe_only() -> None:
    breaker = Breaker(UNIFIED, lambda: 0.0)
    for _ in range(4):
        breaker.record(True, 0, limited=True)
    assert gate(breaker) is Gate.open  # four in a row, and none of them a failure
    breaker.record(True, 0, limited=True)
    assert gate(breaker) is Gate.shut
    assert breaker.admits(1)
    breaker.sent()
    breaker.record(True, 1, limited=True)
    assert (gate(breaker), breaker.until) == (Gate.shut, 3.0)
    consecutive = Breaker(ACCRUAL, lambda: 0.0)
    for _ in range(20):
        consecutive.record(True, 0, limited=True)
    assert gate(consecutive) is Gate.open


def test_zero_turns_a_way_of_tripping_off() -> None:
    never = Breaker(FailureAccrual(max_failures=0, success_rate_threshold=0.0), lambda: 0.0)
    for _ in range(1000):
        never.record(False, 0)
    assert gate(never) is Gate.open


@given(st.lists(st.tuples(st.sampled_from(["sent", "ok", "fail", "abandoned", "wait"]), st.floats(0, 20))))
def test_it_always_comes_back(steps: list[tuple[str, float]]) -> None:
    breaker, now = Breaker(ACCRUAL, lambda: 0.7), 0.0
    for step, elapsed in steps:
        now += elapsed
        if step == "sent" and breaker.admits(now):
            breaker.sent()
        elif step in ("ok", "fail"):
            breaker.record(step == "ok", now)
        elif step == "abandoned":
            breaker.abandoned()
        assert breaker.until - now <= 10
    if breaker.gate is Gate.probing:
        breaker.record(True, now)
    assert breaker.admits(now + 10)
