"""Fail-fast: unready for longer than the timeout, until something is ready."""

from linkerd_proxy.balance import FailFast


def test_it_fails_after_the_timeout_and_recovers() -> None:
    failfast = FailFast(3.0)
    assert not failfast.check(100)
    failfast.unready(100)
    failfast.unready(102)
    assert failfast.deadline == 103
    assert not failfast.check(102.9)
    assert failfast.check(103)
    assert failfast.active
    failfast.ready()
    assert not failfast.check(200)


def test_readiness_in_time_starts_the_count_anew() -> None:
    failfast = FailFast(3.0)
    failfast.unready(0)
    failfast.ready()
    failfast.unready(10)
    assert not failfast.check(12)
    assert failfast.check(13)
