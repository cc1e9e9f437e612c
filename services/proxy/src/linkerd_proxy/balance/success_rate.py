"""The success rate of one endpoint over the last while: ten buckets that the clock moves through.

The unified breaker's second way to trip (Linkerd's success-rate-threshold, -window, -min-requests): a service that
fails one request in three never fails seven in a row.
"""

BUCKETS = 10


class SuccessRate:
    """`threshold` of 0 to 1, `window` in seconds; `now` is monotonic seconds."""

    __slots__ = ("_at", "_bucket_seconds", "_good", "_least", "_threshold", "_total")

    def __init__(self, threshold: float, window: float, min_requests: int) -> None:
        self._threshold = threshold
        self._least = min_requests
        self._bucket_seconds = window / BUCKETS
        self._at = 0
        self._good = [0] * BUCKETS
        self._total = [0] * BUCKETS

    def record(self, good: bool, now: float) -> bool:
        """Count one response; whether the rate is below the threshold now, of enough requests to say so."""
        self._roll(now)
        slot = self._at % BUCKETS
        self._good[slot] += good
        self._total[slot] += 1
        total = sum(self._total)
        return total >= self._least and sum(self._good) < self._threshold * total

    def clear(self) -> None:
        """Begin anew."""
        self._good = [0] * BUCKETS
        self._total = [0] * BUCKETS

    def _roll(self, now: float) -> None:
        """Forget buckets that the window has left."""
        at = int(now / self._bucket_seconds)
        for bucket in range(self._at + 1, min(at, self._at + BUCKETS) + 1):
            self._good[bucket % BUCKETS] = self._total[bucket % BUCKETS] = 0
        self._at = max(self._at, at)
