"""Whether and when a request is sent again. The caller asks; the budget (budget.py) has the last word."""

from linkerd_contract.durations import parse_duration_ms
from linkerd_contract.matching import StatusRange
from linkerd_contract.outbound import Backoff, Retry
from linkerd_rules.policy.match import Headers
from linkerd_rules.policy.timeouts import LONGEST_MS, seconds

GRPC_NAMES = {
    "cancelled": 1,
    "deadline-exceeded": 4,
    "internal": 13,
    "resource-exhausted": 8,
    "unavailable": 14,
}
"""What retry.linkerd.io/grpc and l5d-retry-grpc may name."""

LARGEST_JITTER = 100.0

L5D_HEADERS = frozenset({b"l5d-retry-http", b"l5d-retry-grpc", b"l5d-retry-limit", b"l5d-retry-timeout"})


class CompiledRetry:
    """The retry policy of one route."""

    __slots__ = ("_grpc", "_statuses", "backoff", "limit", "max_body_bytes", "on_failure", "per_try_timeout", "retry")

    def __init__(self, retry: Retry) -> None:
        self.retry = retry
        self.on_failure = retry.on_failure
        self.limit = retry.limit
        self.per_try_timeout = seconds(retry.per_try_timeout_ms)
        self.max_body_bytes = retry.max_body_bytes
        self.backoff = retry.backoff
        self._statuses = retry.statuses
        self._grpc = frozenset(retry.grpc_codes)

    def retryable(self, status: int, grpc_status: int | None, success: bool) -> bool:
        """Whether this response calls for another try; `success` is its classification."""
        if self.on_failure and not success:
            return True
        if grpc_status is not None and grpc_status in self._grpc:
            return True
        return any(s.min <= status <= s.max for s in self._statuses)

    def may_try(self, tries: int, body_bytes: int) -> bool:
        """Whether a try after `tries` is within the limits. `body_bytes`: of the request, wholly buffered."""
        return (self.limit is None or tries <= self.limit) and body_bytes <= self.max_body_bytes

    def try_timeout(self, tries: int) -> float | None:
        """Seconds for the response's head of the try after `tries`; the last one has none (Linkerd)."""
        return None if self.limit is not None and tries >= self.limit else self.per_try_timeout

    def wait(self, tries: int, random: float) -> float:
        """Seconds before the try after `tries`, for a uniform `random` in [0, 1)."""
        return 0.0 if self.backoff is None else backoff_seconds(self.backoff, tries, random)


def backoff_seconds(backoff: Backoff, tries: int, random: float) -> float:
    """min * 2^(tries-1), at most max, plus up to `jitter` of it."""
    base: int = min(backoff.max_ms, backoff.min_ms << min(max(tries - 1, 0), 30), LONGEST_MS)
    return max(base, 0) * (1 + min(max(backoff.jitter, 0.0), LARGEST_JITTER) * random) / 1000


def parse_http_statuses(text: str) -> list[StatusRange]:
    """Of "5xx", "gateway-error", "503", "500-504", comma-separated (retry.linkerd.io/http). Raises ValueError."""
    ranges = []
    for part in (p.strip() for p in text.split(",")):
        if part == "5xx":
            ranges.append(StatusRange(500, 599))
        elif part == "gateway-error":
            ranges.append(StatusRange(502, 504))
        else:
            low, dash, high = part.partition("-")
            if not low.isdecimal() or (dash and not high.isdecimal()):
                raise ValueError(f"{part!r} is not 5xx, gateway-error, a status or a range of statuses")
            first, last = int(low), int(high) if dash else int(low)
            if not 100 <= first <= last <= 599:
                raise ValueError(f"{part!r}: statuses go from 100 to 599, the smaller one first")
            ranges.append(StatusRange(first, last))
    return ranges


def parse_grpc_codes(text: str) -> list[int]:
    """Of names, comma-separated (retry.linkerd.io/grpc). Raises ValueError."""
    codes = []
    for part in (p.strip() for p in text.split(",")):
        if part not in GRPC_NAMES:
            raise ValueError(f"{part!r} is not one of {', '.join(GRPC_NAMES)}")
        codes.append(GRPC_NAMES[part])
    return codes


def from_headers(headers: Headers, default: Retry | None) -> Retry | None:
    """The policy with what l5d-retry-* headers ask for; names in lower case, a bad value is ignored."""
    values = {name: value.decode("latin-1") for name, value in headers if name in L5D_HEADERS}
    if not values:
        return default
    # What no policy says is 5xx, once (Linkerd).
    base = default or Retry(statuses=[StatusRange(500, 599)], limit=1)
    statuses, codes, limit = base.statuses, base.grpc_codes, base.limit
    try:
        if b"l5d-retry-http" in values:
            statuses = parse_http_statuses(values[b"l5d-retry-http"])
        if b"l5d-retry-grpc" in values:
            codes = parse_grpc_codes(values[b"l5d-retry-grpc"])
        if b"l5d-retry-limit" in values:
            limit = int(values[b"l5d-retry-limit"])
    except ValueError:
        return default
    return Retry(
        on_failure=base.on_failure,
        statuses=statuses,
        grpc_codes=codes,
        limit=limit,
        per_try_timeout_ms=_timeout_ms(values.get(b"l5d-retry-timeout"), base.per_try_timeout_ms),
        backoff=base.backoff,
        budget=base.budget,
        max_body_bytes=base.max_body_bytes,
    )


def _timeout_ms(text: str | None, default: int | None) -> int | None:
    try:
        return default if text is None else parse_duration_ms(text)
    except ValueError:
        return default
