"""Waits grow, stay within bounds, and begin anew after a success."""

from linkerd_kube.backoff import Backoff


def test_growth_and_reset() -> None:
    backoff = Backoff(1.0, 8.0)
    for top in (1, 2, 4, 8, 8, 8):
        assert top / 2 <= backoff.next() <= top
    backoff.reset()
    assert backoff.next() <= 1.0
    for _ in range(2000):
        assert backoff.next() <= 8.0
