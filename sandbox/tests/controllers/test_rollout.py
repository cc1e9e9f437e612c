"""RollingUpdate and Recreate: sizes, as k8s.io/kubernetes' own tables have them, and the promise that they keep."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkerd_kube.objects import JsonObject
from linkerd_sandbox.controllers import rollout
from linkerd_sandbox.controllers.rollout import Sets


def deployment(replicas: int, surge: object = "25%", unavailable: object = "25%") -> JsonObject:
    rolling = {"maxSurge": surge, "maxUnavailable": unavailable}
    return {"spec": {"replicas": replicas, "strategy": {"type": "RollingUpdate", "rollingUpdate": rolling}}}


def a_set(name: str, replicas: int, available: int) -> JsonObject:
    return {"metadata": {"name": name}, "spec": {"replicas": replicas}, "status": {"availableReplicas": available}}


@pytest.mark.parametrize(
    ("replicas", "surge", "unavailable", "expected"),
    [
        (10, "25%", "25%", (3, 2)),
        (1, "25%", "25%", (1, 0)),
        (2, 1, 0, (1, 0)),
        (4, 0, 0, (0, 1)),
        (3, "0%", "1%", (0, 1)),
        (2, 0, 5, (0, 2)),
        (0, "25%", "25%", (0, 0)),
    ],
)
def test_bounds(replicas: int, surge: object, unavailable: object, expected: tuple[int, int]) -> None:
    assert rollout.bounds(deployment(replicas, surge, unavailable)) == expected


@pytest.mark.parametrize(
    ("new", "old", "expected"),
    [
        ((0, 0), (10, 10), {"new": 3}),  # grow first, as far as the surge goes
        ((3, 0), (10, 10), {"old": 8}),  # then shrink, as far as availability allows
        ((3, 3), (8, 8), {"new": 5}),  # the room that opened
        ((3, 0), (10, 7), {"old": 8}),  # what is not available goes first, never more than may be missing
        ((10, 10), (2, 2), {"old": 0}),
        ((10, 10), (0, 0), {}),
        ((12, 12), (0, 0), {"new": 10}),
    ],
)
def test_rolling(new: tuple[int, int], old: tuple[int, int], expected: dict[str, int]) -> None:
    sets = Sets(a_set("new", *new), [a_set("old", *old)])
    assert rollout.rolling(deployment(10), sets) == expected


@given(
    replicas=st.integers(1, 12),
    surge=st.integers(0, 4),
    unavailable=st.integers(0, 4),
    old=st.integers(0, 12),
    healthy=st.booleans(),
)
def test_a_rollout_ends_and_keeps_its_bounds(
    replicas: int, surge: int, unavailable: int, old: int, healthy: bool
) -> None:
    """Step by step, everything becoming available at once: no more than surge above, no less than allowed below."""
    spec = deployment(replicas, surge, unavailable)
    max_surge, max_unavailable = rollout.bounds(spec)
    sizes = {"new": 0, "old": min(old, replicas)}
    for _ in range(100):
        available = {"new": sizes["new"], "old": sizes["old"] if healthy else 0}
        sets = Sets(a_set("new", sizes["new"], available["new"]), [a_set("old", sizes["old"], available["old"])])
        change = rollout.rolling(spec, sets)
        if not change:
            break
        before = sum(sizes.values())
        sizes |= change
        assert sum(sizes.values()) <= max(replicas + max_surge, before)
        if healthy and before >= replicas - max_unavailable and "old" in change:
            assert sum(sizes.values()) >= replicas - max_unavailable
    assert sizes == {"new": replicas, "old": 0}


def test_recreate_waits_for_the_last_old_pod() -> None:
    spec = {"spec": {"replicas": 2, "strategy": {"type": "Recreate"}}}
    assert rollout.recreate(spec, Sets(a_set("new", 0, 0), [a_set("old", 2, 2)]), 2) == {"old": 0}
    assert rollout.recreate(spec, Sets(a_set("new", 0, 0), [a_set("old", 0, 0)]), 1) == {}
    assert rollout.recreate(spec, Sets(a_set("new", 0, 0), [a_set("old", 0, 0)]), 0) == {"new": 2}
