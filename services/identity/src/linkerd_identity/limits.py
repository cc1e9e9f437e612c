"""PURE: how many requests are in work at once, and how often one workload may ask for a certificate: a token bucket for
each, the clock an argument.

A proxy asks once at its start and then about once a day; a container in a restart loop asks every few seconds. The
bucket's key is the pod that the token is bound to, so that thousands of pods under one ServiceAccount do not share
one; tokens without a pod share their account's, which is larger.
"""

from collections import OrderedDict

POD_BURST, POD_PER_SECOND = 20.0, 0.2
ACCOUNT_BURST, ACCOUNT_PER_SECOND = 200.0, 20.0
_MAX_KEYS = 65536
_PER_LEAF = 8.0
"""A pod may ask so many times in a leaf's life, where leaves are so short that this is more than the usual."""


IN_WORK = 256
"""Requests in work at once: half a second's. Beyond that they would end after their askers have gone (10 s), and be
worked at for nothing; a refusal is cheap, and askers come again with growing pauses.
"""


class InWork:
    """How many requests are in work."""

    def __init__(self) -> None:
        self._count = 0

    def enter(self) -> bool:
        """False where there are too many already."""
        if self._count >= IN_WORK:
            return False
        self._count += 1
        return True

    def leave(self) -> None:
        """One that has entered is done."""
        self._count -= 1


class RateLimits:
    """Buckets by key, the longest unused forgotten first. Times are seconds of a monotonic clock."""

    def __init__(self) -> None:
        self.leaf_seconds = 86400.0
        """How long leaves live."""
        self._buckets: OrderedDict[tuple[str, str], tuple[float, float]] = OrderedDict()

    def allow(self, account: str, pod: str, now: float) -> bool:
        """Take one token. `pod` is "" where the token names none."""
        burst, rate = ACCOUNT_BURST, ACCOUNT_PER_SECOND
        if pod:
            burst, rate = POD_BURST, max(POD_PER_SECOND, _PER_LEAF / self.leaf_seconds)
        key = (account, pod)
        tokens, at = self._buckets.pop(key, (burst, now))
        # max: a clock that steps back must not take tokens away.
        tokens = min(burst, tokens + max(0.0, now - at) * rate)
        allowed = tokens >= 1.0
        self._buckets[key] = (tokens - 1.0 if allowed else tokens, now)
        if len(self._buckets) > _MAX_KEYS:
            self._buckets.popitem(last=False)
        return allowed
