"""Whether a request is sent again: what the retry policy calls for, and what body, limit, budget and backends allow.

The body is kept up to the policy's limit. A response to half a request is never waited with, nor retried.
"""

from linkerd_contract.explain import DecisionStep
from linkerd_proxy.errors import FailFastError, ProxyError, StreamReset
from linkerd_proxy.http.exchange import REQUEST_ENDED, Exchange
from linkerd_proxy.outbound.features import RouteFeatures
from linkerd_proxy.outbound.replay import Replay
from linkerd_proxy.outbound.way import attempt_step
from linkerd_rules.policy.retry import CompiledRetry

_REFUSED_STREAM = 7


class Retrying:
    """Of one request."""

    __slots__ = ("_features", "_retry", "_x", "replay", "trail", "tries")

    def __init__(self, features: RouteFeatures, x: Exchange, retry: CompiledRetry | None) -> None:
        """`retry` None: there is one attempt."""
        self._features = features
        self._x = x
        self._retry = retry
        self.tries = 0
        self.replay = Replay(None if retry is None else retry.max_body_bytes)
        self.trail: list[DecisionStep] = []
        """What became of the attempts that were followed by another one."""

    @property
    def can_repeat(self) -> bool:
        """Whether the whole request is at hand."""
        return self.replay.parts is not None and self._x.flags & REQUEST_ENDED != 0

    def called_for_by(self, attempt: Exchange) -> bool:
        """Whether a response calls for another attempt, and there may be one, which is then paid for."""
        if self._retry is None:
            return False
        status, grpc_status, success = self._features.classify(attempt)
        return self._retry.retryable(status, grpc_status, success) and self.may()

    def called_for_after(self, error: ProxyError) -> bool:
        """The same of an attempt that failed: a refused stream or failfast, not under a ServiceProfile (Linkerd)."""
        refused = isinstance(error, FailFastError) or (isinstance(error, StreamReset) and error.code == _REFUSED_STREAM)
        return refused and self._retry is not None and not self._retry.on_failure and self.may()

    def may(self) -> bool:
        """Whether body, limit, budget and backends allow another attempt, which is then paid for."""
        retry, features, x = self._retry, self._features, self._x
        if retry is None or not self.can_repeat:
            return False
        if not retry.may_try(self.tries, self.replay.size):
            features.retries(x).limit_exceeded.value += 1
            return False
        choice = features.choose()
        if choice is None or not choice[1].available():
            skipped = "overflow"
            features.retries(x).overflow.value += 1
        elif features.budget is not None and not features.budget.withdraw(features.runtime.turn.now):
            skipped = "no_budget"
        else:
            skipped = ""
        if features.metrics is not None:
            features.metrics.retryable(skipped)
        return not skipped

    def followed(self, attempt: Exchange, error: str) -> float:
        """Another attempt takes this one's place: seconds until then."""
        self._features.count_attempt(attempt, error)
        self._features.retries(self._x).requests.value += 1
        self.trail.append(attempt_step(self.tries, attempt, error))
        assert self._retry is not None
        return self._retry.wait(self.tries, self._features.runtime.rng())

    def timeout(self) -> float | None:
        """Seconds for the head of the current attempt's response."""
        return None if self._retry is None else self._retry.try_timeout(self.tries - 1)
