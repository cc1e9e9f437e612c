"""Waits between attempts: exponential, with jitter, so that clients that failed together do not return together."""

import random


class Backoff:
    """Seconds to wait before the next attempt: random in [half, whole] of `low` doubled per failure, at most `high`."""

    def __init__(self, low: float, high: float) -> None:
        self._low, self._high = low, high
        self._failures = 0

    def reset(self) -> None:
        """An attempt succeeded."""
        self._failures = 0

    def next(self) -> float:
        """An attempt failed: how long to wait."""
        wait = min(self._high, self._low * 2.0 ** min(self._failures, 16))
        self._failures += 1
        return wait * random.uniform(0.5, 1.0)
