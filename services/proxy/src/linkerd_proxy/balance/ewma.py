"""PeakEWMA: an endpoint's load is its estimated round trip times the requests on it.

The estimate jumps to a slower observation at once and sinks exponentially towards faster ones (Finagle's Peak EWMA; as
in Tower and linkerd2-proxy). Reading the load lets the estimate sink as if a round trip of 0 had been seen, so that an
endpoint that was slow once gets its chance again.
"""

from math import exp

PENALTY_MIN_MS = 5000.0
PENALTY_MAX_MS = 300_000.0


class PeakEwma:
    """Load of one endpoint. `pending` counts requests from dispatch to the response's first body frame or its end."""

    __slots__ = ("_decay", "_updated", "estimate", "pending")

    def __init__(self, default_rtt_ms: float, decay_ms: float, now: float) -> None:
        self.estimate = default_rtt_ms
        self.pending = 0
        # A document may say anything: a thousandth of a second is as good as none.
        self._decay = max(decay_ms, 1.0) / 1000
        self._updated = now

    def load(self, now: float) -> float:
        """Estimated round trip in ms, times the requests that are on the endpoint and the one to come."""
        elapsed = now - self._updated
        if elapsed > 0:
            self.estimate *= exp(-elapsed / self._decay)
            self._updated = now
        return self.estimate * (self.pending + 1)

    def observe(self, rtt_ms: float, now: float) -> None:
        """Take in one round trip. `pending` is the caller's to decrement."""
        elapsed = now - self._updated
        if self.estimate < rtt_ms:
            self.estimate = rtt_ms
        elif elapsed > 0:
            weight = exp(-elapsed / self._decay)
            self.estimate = self.estimate * weight + rtt_ms * (1 - weight)
        if elapsed > 0:
            self._updated = now


def penalty_ms(hint_ms: float | None = None) -> float:
    """What to observe for a failure where failures are penalized: at least 5 s, or what the server asked for.

    `hint_ms` is Retry-After or grpc-retry-pushback-ms; it counts for at most 300 s (Linkerd's PenaltyPeakEwma).
    """
    return PENALTY_MIN_MS if hint_ms is None else max(PENALTY_MIN_MS, min(hint_ms, PENALTY_MAX_MS))
