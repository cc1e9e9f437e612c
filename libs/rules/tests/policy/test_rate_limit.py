"""Rate limits: GCRA with a burst of one second, total before identity, overrides in place of identity."""

from hypothesis import given
from hypothesis import strategies as st

from linkerd_contract.inbound import RateLimit, RateOverride
from linkerd_contract.resource import ResourceRef
from linkerd_rules.policy.rate_limit import MAX_IDENTITIES, Gcra, RateLimiter

RESOURCE = ResourceRef("policy.linkerd.io", "httplocalratelimitpolicy", "emojivoto", "limit")


def admitted(limiter: RateLimiter, identity: str | None, now: float, tries: int = 50) -> int:
    return sum(limiter.take(identity, now) is None for _ in range(tries))


def test_burst_and_rate() -> None:
    bucket = Gcra(10)
    assert sum(bucket.take(0) for _ in range(50)) == 10
    assert sum(bucket.take(0.5) for _ in range(50)) == 5
    assert sum(bucket.take(100) for _ in range(50)) == 10
    assert not Gcra(0).take(0)


def test_total_is_spent_even_where_identity_denies() -> None:
    limiter = RateLimiter(RateLimit(RESOURCE, total=10, identity=2))
    assert admitted(limiter, "web", 0, tries=10) == 2
    limited = limiter.take("other", 0)
    assert limited is not None
    assert limited == (RESOURCE, "total", "total rate limit exceeded: 10rps")


def test_identities_have_their_own_buckets_and_strangers_share_one() -> None:
    limiter = RateLimiter(RateLimit(identity=3))
    assert [admitted(limiter, identity, 0) for identity in ("a", "b", None, None)] == [3, 3, 3, 0]
    limited = limiter.take("a", 0)
    assert limited is not None
    assert (limited.scope, limited.message) == ("identity", "per-identity rate limit exceeded: 3rps")


def test_overrides_share_one_bucket() -> None:
    limiter = RateLimiter(RateLimit(identity=1, overrides=[RateOverride(5, ["a", "b"])]))
    assert admitted(limiter, "a", 0, tries=3) == 3
    assert admitted(limiter, "b", 0) == 2
    assert admitted(limiter, "c", 0) == 1
    limited = limiter.take("a", 0)
    assert limited is not None
    assert limited.message == "override rate limit exceeded: 5rps"


def test_no_limit_limits_nothing() -> None:
    assert admitted(RateLimiter(RateLimit()), None, 0, tries=1000) == 1000


def test_buckets_are_bounded_and_the_idle_ones_go_first() -> None:
    limiter = RateLimiter(RateLimit(identity=1))
    for number in range(MAX_IDENTITIES + 100):
        limiter.take(f"id-{number}", 0)
    assert len(limiter._identities) <= MAX_IDENTITIES + 1
    assert limiter.take("late", 0) is not None
    assert limiter.take("late", 10) is None
    assert len(limiter._identities) == 1


@given(st.integers(1, 100), st.lists(st.floats(0, 1), max_size=300))
def test_no_second_admits_more_than_burst_and_rate(rate: int, gaps: list[float]) -> None:
    bucket, now, times = Gcra(rate), 0.0, []
    for gap in gaps:
        now += gap / 20
        if bucket.take(now):
            times.append(now)
    for start in times:
        assert sum(start <= time < start + 1 for time in times) <= 2 * rate
