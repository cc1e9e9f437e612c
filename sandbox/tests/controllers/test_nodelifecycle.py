"""Taints follow a node's state, and those of people stay."""

import pytest

from linkerd_kube.objects import JsonObject
from linkerd_sandbox.controllers import nodelifecycle
from linkerd_sandbox.controllers.actions import Patch


def _taint(name: str, effect: str = "NoSchedule") -> JsonObject:
    return {"key": f"node.kubernetes.io/{name}", "effect": effect}


MINE: JsonObject = {"key": "gpu", "value": "yes", "effect": "NoSchedule"}


@pytest.mark.parametrize(
    ("ready", "unschedulable", "taints", "wanted"),
    [
        ("True", False, [], None),
        ("True", False, [_taint("not-ready"), MINE], [MINE]),
        ("True", False, [_taint("not-ready")], []),
        ("False", False, [MINE], [MINE, _taint("not-ready")]),
        ("Unknown", False, [], [_taint("unreachable")]),
        ("Unknown", False, [_taint("not-ready")], [_taint("unreachable")]),
        ("True", True, [], [_taint("unschedulable")]),
        ("True", True, [_taint("unschedulable")], None),
        ("True", False, [_taint("unschedulable")], []),
        ("True", False, [_taint("not-ready", "NoExecute")], None),
        ("", False, [], [_taint("not-ready")]),
    ],
)
def test_taints(ready: str, unschedulable: bool, taints: list[JsonObject], wanted: list[JsonObject] | None) -> None:
    conditions = [{"type": "Ready", "status": ready}] if ready else []
    node: JsonObject = {
        "metadata": {"name": "n", "resourceVersion": "3"},
        "spec": {"unschedulable": unschedulable, "taints": taints},
        "status": {"conditions": conditions},
    }
    actions = nodelifecycle.reconcile(node).actions
    if wanted is None:
        assert actions == ()
        return
    (patch,) = actions
    assert isinstance(patch, Patch)
    assert patch.body == {"metadata": {"resourceVersion": "3"}, "spec": {"taints": wanted or None}}
