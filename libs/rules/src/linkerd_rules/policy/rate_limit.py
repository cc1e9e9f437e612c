"""Local rate limits of a port: the generic cell rate algorithm (GCRA) with a burst of one second's rate.

The total bucket comes first and is spent even where a later bucket denies. Then the override that names the client's
identity (one bucket for all that it lists), else one bucket per identity; clients without identity share one. Buckets
per identity are bounded: those that are full again are forgotten first.
"""

from typing import NamedTuple

from linkerd_contract.inbound import RateLimit, RateOverride
from linkerd_contract.resource import ResourceRef

MAX_IDENTITIES = 4096


class Limited(NamedTuple):
    """A refusal. `scope` is the metric label: total or identity."""

    resource: ResourceRef
    scope: str
    message: str


class Gcra:
    """One bucket: `rate` requests per second, and so many at once."""

    __slots__ = ("_interval", "_tat")

    def __init__(self, rate: int) -> None:
        self._interval = 1 / rate if rate > 0 else 0.0
        self._tat = 0.0
        """Theoretical arrival time of the next request at the exact rate (monotonic seconds)."""

    def take(self, now: float) -> bool:
        """Admit one request, or not."""
        if self._interval == 0.0:
            return False
        tat = max(self._tat, now)
        # The burst allows the theoretical time to run one second ahead, this request included.
        if tat + self._interval - now > 1.0 + 1e-9:
            return False
        self._tat = tat + self._interval
        return True

    def full(self, now: float) -> bool:
        """Whether it is as good as new."""
        return self._tat <= now


class RateLimiter:
    """HTTPLocalRateLimitPolicy of one port."""

    __slots__ = ("_identities", "_identity_rate", "_overrides", "_resource", "_total", "_total_rate")

    def __init__(self, limit: RateLimit) -> None:
        self._resource = limit.resource
        self._total_rate = limit.total
        self._total = None if limit.total is None else Gcra(limit.total)
        self._identity_rate = limit.identity
        self._identities: dict[str | None, Gcra] = {}
        self._overrides: dict[str, tuple[RateOverride, Gcra]] = {}
        for override in limit.overrides:
            bucket = Gcra(override.requests_per_second)
            for identity in override.identities:
                self._overrides.setdefault(identity, (override, bucket))

    def take(self, identity: str | None, now: float) -> Limited | None:
        """Admit one request (None), or say what refused it. `now` in monotonic seconds."""
        if self._total is not None and not self._total.take(now):
            return self._limited("total", "total", self._total_rate)
        override = self._overrides.get(identity) if identity is not None else None
        if override is not None:
            if not override[1].take(now):
                return self._limited("identity", "override", override[0].requests_per_second)
        elif self._identity_rate is not None and not self._bucket(identity, self._identity_rate, now).take(now):
            return self._limited("identity", "per-identity", self._identity_rate)
        return None

    def _bucket(self, identity: str | None, rate: int, now: float) -> Gcra:
        bucket = self._identities.get(identity)
        if bucket is None:
            if len(self._identities) >= MAX_IDENTITIES:
                self._identities = {key: old for key, old in self._identities.items() if not old.full(now)}
            if len(self._identities) >= MAX_IDENTITIES:
                # All are busy: strangers beyond the bound share the bucket of those without identity.
                identity = None
            bucket = self._identities.setdefault(identity, Gcra(rate))
        return bucket

    def _limited(self, scope: str, what: str, rate: int | None) -> Limited:
        return Limited(self._resource, scope, f"{what} rate limit exceeded: {rate}rps")
