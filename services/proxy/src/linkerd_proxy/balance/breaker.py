"""The circuit breaker of one endpoint: shut after consecutive failures, probe with one request, reopen.

The gate is open, shut until a time, or on probation; on probation it admits one request, whose outcome decides. The
wait doubles with every failed probe (Linkerd's failure accrual "consecutive"). Answers that arrive while the gate is
shut belong to requests sent before, and are ignored.
"""

from collections.abc import Callable
from enum import Enum

from linkerd_contract.outbound import FailureAccrual

_MAX_DOUBLINGS = 62


class Gate(Enum):
    """Where a breaker stands."""

    open = "open"
    shut = "shut"
    probation = "probation"
    probing = "probing"


class Breaker:
    """`rng` gives uniform floats in [0, 1)."""

    __slots__ = ("_accrual", "_failures", "_rng", "_round", "gate", "until")

    def __init__(self, accrual: FailureAccrual, rng: Callable[[], float]) -> None:
        self._accrual = accrual
        self._rng = rng
        self._failures = 0
        self._round = 0
        self.gate = Gate.open
        self.until = 0.0
        """When a shut gate goes on probation (monotonic seconds)."""

    def admits(self, now: float) -> bool:
        """Whether a request may be sent. A shut gate whose time has come goes on probation."""
        if self.gate is Gate.shut and now >= self.until:
            self.gate = Gate.probation
        return self.gate is Gate.open or self.gate is Gate.probation

    def sent(self) -> None:
        """A request was sent: on probation, it is the probe."""
        if self.gate is Gate.probation:
            self.gate = Gate.probing

    def record(self, success: bool, now: float) -> None:
        """A response was classified."""
        handler = _TABLE.get((self.gate, success))
        if handler is not None:
            handler(self, now)

    def abandoned(self) -> None:
        """A request ended without a verdict (its client left): a probe may be sent again."""
        if self.gate is Gate.probing:
            self.gate = Gate.probation

    def _forget(self, now: float) -> None:
        self._failures = 0

    def _count(self, now: float) -> None:
        self._failures += 1
        if self._failures >= self._accrual.max_failures:
            self._shut(now)

    def _shut(self, now: float) -> None:
        """base = min(max, min * 2^n), plus up to base * jitter, at most max in total."""
        accrual = self._accrual
        base = min(accrual.max_penalty_ms, accrual.min_penalty_ms * 2 ** min(self._round, _MAX_DOUBLINGS))
        wait = min(accrual.max_penalty_ms, base + base * accrual.jitter_ratio * self._rng())
        self.gate = Gate.shut
        self.until = now + wait / 1000
        self._round += 1

    def _reopen(self, now: float) -> None:
        self.gate = Gate.open
        self._failures = 0
        self._round = 0


# State and input -> what is done; a missing key is ignored.
_TABLE: dict[tuple[Gate, bool], Callable[[Breaker, float], None]] = {
    (Gate.open, True): Breaker._forget,
    (Gate.open, False): Breaker._count,
    (Gate.probing, True): Breaker._reopen,
    (Gate.probing, False): Breaker._shut,
}
