"""Annotations of Services and routes: retry.linkerd.io/*, timeout.linkerd.io/*, balancer.linkerd.io/*.

Three groups (retries, timeouts, breaker); a bad value disables its whole group (Linkerd). Durations are a whole number
and ms, s, m, h or d.
"""

from collections.abc import Callable, Mapping
from typing import TypeVar

from msgspec import Struct

from linkerd_contract.durations import parse_duration_ms
from linkerd_contract.outbound import Backoff, FailureAccrual, Retry, Route, Timeouts
from linkerd_rules.policy.retry import parse_grpc_codes, parse_http_statuses
from linkerd_rules.validation.fields import Problem

T = TypeVar("T")

NO_TIMEOUTS = Route().timeouts
"""A route's default, which is left out of documents: this very object alone."""

RETRY = "retry.linkerd.io/"
TIMEOUT = "timeout.linkerd.io/"
BALANCER = "balancer.linkerd.io/"
BALANCER_ALPHA = "balancer.alpha.linkerd.io/"
PREFIXES = (RETRY, TIMEOUT, BALANCER, BALANCER_ALPHA)

_ACCRUAL = BALANCER + "failure-accrual"
_PENALIZE = BALANCER_ALPHA + "penalize-failures"
_KNOWN = {
    *(RETRY + name for name in ("http", "grpc", "limit", "timeout")),
    *(TIMEOUT + name for name in ("request", "response", "idle")),
    _ACCRUAL,
    *(f"{_ACCRUAL}-consecutive-{name}" for name in ("max-failures", "min-penalty", "max-penalty", "jitter-ratio")),
    *(f"{BALANCER_ALPHA}success-rate-{name}" for name in ("threshold", "window", "min-requests")),
    _PENALIZE,
}


class TrafficAnnotations(Struct, frozen=True):
    """What the annotations ask for; None and empty where they say nothing."""

    retry: Retry | None = None
    timeouts: Timeouts = NO_TIMEOUTS
    failure_accrual: FailureAccrual | None = None
    penalize_failures: bool = False


class _Group:
    """Annotations of one group, with the problems of that group alone."""

    def __init__(self, annotations: Mapping[str, str]) -> None:
        self._annotations = annotations
        self.problems: list[Problem] = []

    def read(self, name: str, parse: Callable[[str], T]) -> T | None:
        text = self._annotations.get(name)
        if text is None:
            return None
        try:
            return parse(text.strip())
        except ValueError as error:
            self.problems.append(Problem(f"metadata.annotations[{name}]", str(error)))
            return None


def read_traffic_annotations(annotations: Mapping[str, str]) -> tuple[TrafficAnnotations, list[Problem]]:
    """What is asked for, without the groups that have a fault; and the faults."""
    retries, timeouts, balancer = _Group(annotations), _Group(annotations), _Group(annotations)
    retry = _retry(retries)
    limits = Timeouts(
        request_ms=timeouts.read(TIMEOUT + "request", _duration),
        response_ms=timeouts.read(TIMEOUT + "response", _duration),
        idle_ms=timeouts.read(TIMEOUT + "idle", _duration),
    )
    accrual = _accrual(balancer, annotations)
    penalize = balancer.read(_PENALIZE, _boolean) or False
    asked = TrafficAnnotations(
        retry=None if retries.problems else retry,
        timeouts=NO_TIMEOUTS if timeouts.problems or limits == NO_TIMEOUTS else limits,
        failure_accrual=None if balancer.problems else accrual,
        penalize_failures=penalize and not balancer.problems,
    )
    unknown = [
        Problem(f"metadata.annotations[{name}]", "is no annotation of the mesh", ignorable=True)
        for name in annotations
        if name.startswith(PREFIXES) and name not in _KNOWN
    ]
    return asked, [*retries.problems, *timeouts.problems, *balancer.problems, *unknown]


def _retry(group: _Group) -> Retry | None:
    statuses = group.read(RETRY + "http", parse_http_statuses)
    codes = group.read(RETRY + "grpc", parse_grpc_codes)
    limit = group.read(RETRY + "limit", _count)
    timeout = group.read(RETRY + "timeout", _duration)
    if statuses is None and codes is None:
        return None
    return Retry(
        statuses=statuses or [],
        grpc_codes=codes or [],
        limit=1 if limit is None else limit,
        per_try_timeout_ms=timeout,
        backoff=Backoff(),
    )


def _accrual(group: _Group, annotations: Mapping[str, str]) -> FailureAccrual | None:
    mode = annotations.get(_ACCRUAL)
    if mode is None:
        return None
    defaults = FailureAccrual()
    if mode not in ("consecutive", "unified"):
        group.problems.append(Problem(f"metadata.annotations[{_ACCRUAL}]", f"{mode!r} is not consecutive or unified"))
    consecutive, rate = f"{_ACCRUAL}-consecutive-", f"{BALANCER_ALPHA}success-rate-"
    failures = group.read(consecutive + "max-failures", _count)
    least = group.read(consecutive + "min-penalty", _duration) or defaults.min_penalty_ms
    most = group.read(consecutive + "max-penalty", _duration) or defaults.max_penalty_ms
    jitter = group.read(consecutive + "jitter-ratio", _ratio(100.0))
    threshold = group.read(rate + "threshold", _ratio(1.0))
    window = group.read(rate + "window", _duration)
    requests = group.read(rate + "min-requests", _count)
    if least > most:
        message = f"must not be longer than the longest penalty ({most} ms)"
        group.problems.append(Problem(f"metadata.annotations[{consecutive}min-penalty]", message))
    # A threshold turns the success rate on, and 0 turns it off; "unified" has it on by default (Linkerd 2.20).
    if threshold is None and mode == "unified":
        threshold = 0.8
    return FailureAccrual(
        max_failures=defaults.max_failures if failures is None else failures,
        min_penalty_ms=least,
        max_penalty_ms=most,
        jitter_ratio=defaults.jitter_ratio if jitter is None else jitter,
        success_rate_threshold=threshold or None,
        success_rate_window_ms=window or defaults.success_rate_window_ms,
        success_rate_min_requests=requests or defaults.success_rate_min_requests,
    )


def _duration(text: str) -> int | None:
    """0 is no limit."""
    return parse_duration_ms(text) or None


def _count(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or len(text) > 9:
        raise ValueError(f"{text!r} is not a whole number")
    return int(text)


def _ratio(most: float) -> Callable[[str], float]:
    def parse(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = -1.0
        if not 0.0 <= value <= most:
            raise ValueError(f"{text!r} is not a number from 0 to {most:g}")
        return value

    return parse


def _boolean(text: str) -> bool:
    if text not in ("true", "false"):
        raise ValueError(f"{text!r} is not true or false")
    return text == "true"
