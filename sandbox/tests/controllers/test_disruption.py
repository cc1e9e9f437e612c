"""PodDisruptionBudgets: how many pods may go."""

import pytest
from sandbox.tests.controllers.objects import a_pod

from linkerd_kube.objects import JsonObject
from linkerd_sandbox.controllers import disruption, job
from linkerd_sandbox.controllers.actions import Patch

NOW = 1_800_000_000.0


def a_budget(**spec: object) -> JsonObject:
    return {
        "metadata": {"name": "b", "namespace": "default", "resourceVersion": "7"},
        "spec": {"selector": {"matchLabels": {"app": "web"}}, **spec},
    }


@pytest.mark.parametrize(
    ("spec", "ready", "allowed"),
    [
        ({"minAvailable": 2}, 3, 1),
        ({"minAvailable": 3}, 3, 0),
        ({"minAvailable": "50%"}, 3, 1),
        ({"maxUnavailable": 1}, 3, 1),
        ({"maxUnavailable": 1}, 2, 0),
        ({"maxUnavailable": "34%"}, 3, 2),
        ({"maxUnavailable": 0}, 3, 0),
        ({}, 3, 2),
    ],
)
def test_allowed(spec: JsonObject, ready: int, allowed: int) -> None:
    owner = [{"kind": "ReplicaSet", "uid": "r", "controller": True}]
    pods = [a_pod(f"p{index}", ready=index < ready, ownerReferences=owner) for index in range(3)]
    plan = disruption.reconcile(a_budget(**spec), pods, lambda _owner: 3, NOW)
    patch = next(action for action in plan.actions if isinstance(action, Patch))
    assert patch.body["status"]["disruptionsAllowed"] == allowed
    settled = a_budget(**spec) | {"status": patch.body["status"]}
    assert disruption.reconcile(settled, pods, lambda _owner: 3, NOW).actions == ()


def test_a_pod_whose_eviction_was_allowed_counts_as_gone() -> None:
    pods = [a_pod(f"p{index}") for index in range(3)]
    budget = a_budget(minAvailable=2)
    budget["status"] = {"disruptedPods": {"p0": job.stamp(NOW - 1), "p1": job.stamp(NOW - 121), "gone": job.stamp(NOW)}}
    plan = disruption.reconcile(budget, pods, lambda _owner: 3, NOW)
    patch = next(action for action in plan.actions if isinstance(action, Patch))
    assert patch.body["status"]["disruptionsAllowed"] == 0
    assert patch.body["status"]["currentHealthy"] == 2
    assert patch.body["status"]["disruptedPods"] == {"p1": None, "gone": None}
    assert patch.body["metadata"] == {"resourceVersion": "7"}  # never over an eviction that was not seen
    assert plan.again_in == 119


def test_selectors() -> None:
    budget = a_budget()
    budget["spec"]["selector"] = {"matchExpressions": [{"key": "app", "operator": "In", "values": ["web"]}]}
    assert disruption.selects(budget, a_pod("p"))
    assert not disruption.selects(budget, a_pod("p", labels={}))
    budget["spec"]["selector"] = {}
    assert disruption.selects(budget, a_pod("p", labels={}))
    del budget["spec"]["selector"]
    assert not disruption.selects(budget, a_pod("p"))
