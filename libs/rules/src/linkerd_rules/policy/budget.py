"""The retry budget: retries are at most a share of requests, plus a few per second.

A token bucket over a sliding window of ten slots (Finagle's and Tower's TpsBudget, as Linkerd uses it): an original
request deposits 1, a retry withdraws 1/ratio; the reserve is what min_per_second allows over the window.
"""

from linkerd_contract.outbound import RetryBudget

SLOTS = 10


class Budget:
    """One budget, shared by the routes that it bounds. `now` is monotonic seconds."""

    __slots__ = ("_at", "_cost", "_none", "_reserve", "_slot_seconds", "_slots", "_sum", "_unit")

    def __init__(self, budget: RetryBudget, now: float) -> None:
        # What Linkerd takes no budget for is one that allows nothing.
        self._none = not 1_000 <= budget.ttl_ms <= 60_000 or not 0 <= budget.ratio <= 1_000
        if self._none:
            budget = RetryBudget()
        # Ratio 0: only the reserve allows retries, at one token each.
        self._unit = 1.0 if budget.ratio > 0 else 0.0
        self._cost = 1 / budget.ratio if budget.ratio > 0 else 1.0
        self._reserve = budget.min_per_second * budget.ttl_ms / 1000 * self._cost
        self._slots = [0.0] * SLOTS
        self._sum = 0.0
        self._slot_seconds = budget.ttl_ms / 1000 / SLOTS
        self._at = int(now / self._slot_seconds)

    def deposit(self, now: float) -> None:
        """An original request was sent."""
        self._roll(now)
        self._slots[self._at % SLOTS] += self._unit
        self._sum += self._unit

    def withdraw(self, now: float) -> bool:
        """Take what a retry costs; False where the budget does not allow it."""
        self._roll(now)
        if self._none or self._reserve + self._sum < self._cost:
            return False
        self._slots[self._at % SLOTS] -= self._cost
        self._sum -= self._cost
        return True

    def _roll(self, now: float) -> None:
        """Forget slots that the window has left."""
        at = int(now / self._slot_seconds)
        if at <= self._at:
            return
        for slot in range(self._at + 1, min(at, self._at + SLOTS) + 1):
            self._slots[slot % SLOTS] = 0.0
        self._at = at
        self._sum = sum(self._slots)
