"""P2C: distinct choices, the lesser load, readiness, breakers, updates that keep what is unchanged."""

from collections import Counter
from collections.abc import Iterable
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from linkerd_contract.outbound import Balancer, Endpoint, FailureAccrual
from linkerd_proxy.balance import P2C, EndpointState


def endpoints(*hosts: int) -> list[Endpoint]:
    return [Endpoint(f"10.0.0.{host}:80") for host in hosts]


def p2c(hosts: Iterable[int] = (), seed: int = 1, accrual: FailureAccrual | None = None) -> P2C[str]:
    balancer = P2C(Random(seed).random, lambda endpoint: f"pool of {endpoint.addr}", Balancer(), accrual)
    balancer.reset(endpoints(*hosts), 0)
    return balancer


def addr(state: EndpointState[str] | None) -> str:
    assert state is not None
    return state.endpoint.addr


def test_none_one_and_many() -> None:
    assert p2c().pick(0) is None
    assert addr(p2c([1]).pick(0)) == "10.0.0.1:80"
    seen = Counter(addr(p2c([1, 2, 3], seed).pick(0)) for seed in range(300))
    assert set(seen) == {f"10.0.0.{host}:80" for host in (1, 2, 3)}
    assert min(seen.values()) > 60


def test_the_lesser_load_wins() -> None:
    balancer = p2c([1, 2])
    slow = balancer.get("10.0.0.1:80")
    assert slow is not None
    assert slow.data == "pool of 10.0.0.1:80"
    slow.begin()
    assert all(addr(balancer.pick(0)) == "10.0.0.2:80" for _ in range(50))
    other = balancer.get("10.0.0.2:80")
    assert other is not None
    for _ in range(3):
        other.begin()
    assert all(addr(balancer.pick(0)) == "10.0.0.1:80" for _ in range(50))


def test_the_two_are_distinct() -> None:
    balancer = p2c([1, 2, 3, 4])
    busiest = balancer.get("10.0.0.3:80")
    assert busiest is not None
    busiest.begin()
    assert "10.0.0.3:80" not in {addr(balancer.pick(0)) for _ in range(500)}


def test_only_ready_ones_are_chosen() -> None:
    balancer = p2c([1, 2, 3])
    for host in (1, 3):
        state = balancer.get(f"10.0.0.{host}:80")
        assert state is not None
        balancer.set_ready(state, False)
        balancer.set_ready(state, False)
    assert balancer.ready_count == 1
    assert {addr(balancer.pick(0)) for _ in range(20)} == {"10.0.0.2:80"}
    two = balancer.get("10.0.0.2:80")
    assert two is not None
    balancer.set_ready(two, False)
    assert balancer.pick(0) is None
    assert not balancer.available(0)
    balancer.set_ready(two, True)
    assert addr(balancer.pick(0)) == "10.0.0.2:80"


def test_updates_keep_what_is_unchanged_and_return_what_is_gone() -> None:
    balancer = p2c([1, 2, 3])
    kept = balancer.get("10.0.0.2:80")
    changed = Endpoint("10.0.0.3:80", identity="new")
    gone = balancer.reset([*endpoints(2, 4), changed], 5)
    assert sorted(addr(state) for state in gone) == ["10.0.0.1:80", "10.0.0.3:80"]
    assert balancer.get("10.0.0.2:80") is kept
    new = balancer.get("10.0.0.3:80")
    assert new is not None
    assert new.endpoint.identity == "new"
    assert len(balancer) == balancer.ready_count == 3
    assert [addr(state) for state in balancer.update([], ["10.0.0.2:80", "10.9.9.9:1"], 6)] == ["10.0.0.2:80"]
    # A state that is gone no longer moves anything.
    assert kept is not None
    balancer.set_ready(kept, False)
    balancer.set_ready(kept, True)
    assert len(balancer) == balancer.ready_count == 2


def test_shut_breakers_are_passed_over() -> None:
    accrual = FailureAccrual(max_failures=1, min_penalty_ms=1000, jitter_ratio=0)
    balancer = p2c([1, 2, 3], accrual=accrual)
    for host in (1, 2):
        state = balancer.get(f"10.0.0.{host}:80")
        assert state is not None
        state.classify(False, 0)
    assert {addr(balancer.pick(0.5)) for _ in range(50)} == {"10.0.0.3:80"}
    assert balancer.next_admission() == 1.0
    three = balancer.get("10.0.0.3:80")
    assert three is not None
    three.classify(False, 0.5)
    assert balancer.pick(0.6) is None
    assert not balancer.available(0.6)
    # On probation each takes one request.
    probed = []
    for _ in range(2):
        state = balancer.pick(1.0)
        assert state is not None
        state.begin()
        probed.append(addr(state))
    assert sorted(probed) == ["10.0.0.1:80", "10.0.0.2:80"]
    assert balancer.pick(1.0) is None


Step = tuple[str, int]


@given(
    st.integers(0, 1000),
    st.lists(st.tuples(st.sampled_from(["add", "remove", "ready", "unready", "pick"]), st.integers(0, 5)), max_size=60),
)
def test_the_books_balance(seed: int, steps: list[Step]) -> None:
    """Whatever happens: what is ready is in the list once, at its index, and a pick is ready."""
    balancer = p2c(seed=seed)
    there: dict[str, bool] = {}
    for step, host in steps:
        name = f"10.0.0.{host}:80"
        state = balancer.get(name)
        if step == "add":
            balancer.update(endpoints(host), [], 0)
            there.setdefault(name, True)
        elif step == "remove":
            balancer.update([], [name], 0)
            there.pop(name, None)
        elif step in ("ready", "unready") and state is not None:
            balancer.set_ready(state, step == "ready")
            there[name] = step == "ready"
        elif step == "pick":
            picked = balancer.pick(0)
            assert (picked is None) == (not any(there.values()))
            assert picked is None or there[addr(picked)]
        assert {s.endpoint.addr for s in balancer.endpoints} == set(there)
        assert balancer.ready_count == sum(there.values())
        indexes = sorted(s.index for s in balancer.endpoints if s.index >= 0)
        assert indexes == list(range(balancer.ready_count))


def test_a_slow_endpoint_gets_less() -> None:
    """A scenario from a seed: one of three answers ten times slower, and gets a small share of the requests."""
    balancer, served, now = p2c([1, 2, 3], seed=7), Counter[str](), 0.0
    finishing: list[tuple[float, EndpointState[str], float]] = []
    for _ in range(3000):
        now += 0.002
        for item in [item for item in finishing if item[0] <= now]:
            finishing.remove(item)
            item[1].observe(item[2], now)
        state = balancer.pick(now)
        assert state is not None
        rtt = 100.0 if addr(state).startswith("10.0.0.1:") else 10.0
        state.begin()
        served[addr(state)] += 1
        finishing.append((now + rtt / 1000, state, rtt))
    assert served["10.0.0.1:80"] < 3000 / 10
    assert abs(served["10.0.0.2:80"] - served["10.0.0.3:80"]) < 3000 / 10
