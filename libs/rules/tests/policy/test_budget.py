"""The retry budget: a share of requests, plus a few per second, over a window."""

from hypothesis import given
from hypothesis import strategies as st

from linkerd_contract.outbound import RetryBudget
from linkerd_rules.policy.budget import Budget


def spend(budget: Budget, now: float) -> int:
    count = 0
    while budget.withdraw(now):
        count += 1
        assert count < 100_000
    return count


def test_the_reserve() -> None:
    budget = Budget(RetryBudget(ratio=0.2, min_per_second=10, ttl_ms=10_000), now=0)
    assert spend(budget, 0) == 100
    # What was taken from the window comes back when the window has passed it.
    assert spend(budget, 5) == 0
    assert spend(budget, 11) == 100


def test_requests_buy_their_share() -> None:
    budget = Budget(RetryBudget(ratio=0.2, min_per_second=0, ttl_ms=10_000), now=0)
    assert not budget.withdraw(0)
    for _ in range(100):
        budget.deposit(1)
    assert spend(budget, 1) == 20
    for _ in range(100):
        budget.deposit(2)
    assert spend(budget, 30) == 0


def test_ratio_zero_leaves_the_reserve_alone() -> None:
    budget = Budget(RetryBudget(ratio=0.0, min_per_second=1, ttl_ms=10_000), now=0)
    for _ in range(1000):
        budget.deposit(0)
    assert spend(budget, 0) == 10


@given(
    st.floats(0.01, 10),
    st.integers(0, 20),
    st.lists(st.tuples(st.booleans(), st.floats(0, 3)), max_size=200),
)
def test_it_never_allows_more_than_it_says(ratio: float, minimum: int, steps: list[tuple[bool, float]]) -> None:
    budget, now, requests, retries = Budget(RetryBudget(ratio, minimum, 10_000), now=0), 0.0, 0, 0
    for request, elapsed in steps:
        now += elapsed
        if request:
            budget.deposit(now)
            requests += 1
        elif budget.withdraw(now):
            retries += 1
    windows = now / 10 + 1
    assert retries <= requests * ratio + minimum * 10 * (windows + 1) + 1e-6


def test_a_budget_out_of_range_turns_retries_off() -> None:
    for bad in (RetryBudget(ttl_ms=0), RetryBudget(ttl_ms=999), RetryBudget(ttl_ms=60_001), RetryBudget(ratio=-1)):
        budget = Budget(bad, now=0)
        for _ in range(1_000):
            budget.deposit(0)
        assert spend(budget, 0) == 0
