"""PodDisruptionBudgets: how many pods may go."""

import pytest
from sandbox.tests.controllers.objects import a_pod

from linkerd_kube.objects import JsonObject
from linkerd_sandbox.controllers import disruption
from linkerd_sandbox.controllers.actions import Patch


def a_budget(**spec: object) -> JsonObject:
    return {
        "metadata": {"name": "b", "namespace": "default"},
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
    plan = disruption.reconcile(a_budget(**spec), pods, lambda _owner: 3)
    patch = next(action for action in plan.actions if isinstance(action, Patch))
    assert patch.body["status"]["disruptionsAllowed"] == allowed
    settled = a_budget(**spec) | {"status": patch.body["status"]}
    assert disruption.reconcile(settled, pods, lambda _owner: 3).actions == ()


def test_selectors() -> None:
    budget = a_budget()
    budget["spec"]["selector"] = {"matchExpressions": [{"key": "app", "operator": "In", "values": ["web"]}]}
    assert disruption.selects(budget, a_pod("p"))
    assert not disruption.selects(budget, a_pod("p", labels={}))
    budget["spec"]["selector"] = {}
    assert disruption.selects(budget, a_pod("p", labels={}))
    del budget["spec"]["selector"]
    assert not disruption.selects(budget, a_pod("p"))
