"""Restarts: at once, 10 s, 20 s … 5 min; forgotten after 10 minutes of running."""

from linkerd_sandbox.kubelet.backoff import CrashBackoff


def test_delays() -> None:
    backoff = CrashBackoff()
    assert [backoff.delay(1) for _ in range(8)] == [0, 10, 20, 40, 80, 160, 300, 300]
    assert backoff.delay(600) == 0
    assert backoff.delay(1) == 10
