"""The circuit breaker of one endpoint: shut after consecutive failures or a low success rate, probe, reopen.

The gate is open, shut until a time, or on probation; on probation it admits one request, whose outcome decides. The
wait doubles with every failed probe (Linkerd's failure accruals "consecutive" and "unified"). Answers that arrive while
the gate is shut belong to requests sent before, and are ignored. With a success rate, an answer that the endpoint is
limited (429, RESOURCE_EXHAUSTED) counts against the rate and fails a probe; to the consecutive count it is no failure.
"""

from collections.abc import Callable
from enum import Enum

from linkerd_contract.outbound import FailureAccrual
from linkerd_proxy.balance.success_rate import SuccessRate

_MAX_DOUBLINGS = 62


class Gate(Enum):
    """Where a breaker stands."""

    open = "open"
    shut = "shut"
    probation = "probation"
    probing = "probing"


class Breaker:
    """`rng` gives uniform floats in [0, 1)."""

    __slots__ = ("_accrual", "_failures", "_rate", "_rng", "_round", "gate", "until")

    def __init__(self, accrual: FailureAccrual, rng: Callable[[], float]) -> None:
        self._accrual = accrual
        self._rng = rng
        self._failures = 0
        self._round = 0
        self._rate: SuccessRate | None = None
        if accrual.success_rate_threshold and accrual.success_rate_window_ms > 0:
            window = accrual.success_rate_window_ms / 1000
            self._rate = SuccessRate(accrual.success_rate_threshold, window, accrual.success_rate_min_requests)
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

    def record(self, success: bool, now: float, *, limited: bool = False) -> None:
        """A response was classified. `limited`: 429, or gRPC's RESOURCE_EXHAUSTED."""
        rate, low = self._rate, False
        if rate is not None:
            if self.gate is Gate.open:
                low = rate.record(success and not limited, now)
            elif self.gate is Gate.probing:
                success = success and not limited
        handler = _TABLE.get((self.gate, success))
        if handler is not None:
            handler(self, now)
        if low and self.gate is Gate.open:
            self._shut(now)

    def abandoned(self) -> None:
        """A request ended without a verdict (its client left): a probe may be sent again."""
        if self.gate is Gate.probing:
            self.gate = Gate.probation

    def _forget(self, now: float) -> None:
        self._failures = 0

    def _count(self, now: float) -> None:
        self._failures += 1
        # 0 turns this way of tripping off.
        if self._failures >= self._accrual.max_failures > 0:
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
        if self._rate is not None:
            self._rate.clear()


# State and input -> what is done; a missing key is ignored.
_TABLE: dict[tuple[Gate, bool], Callable[[Breaker, float], None]] = {
    (Gate.open, True): Breaker._forget,
    (Gate.open, False): Breaker._count,
    (Gate.probing, True): Breaker._reopen,
    (Gate.probing, False): Breaker._shut,
}
