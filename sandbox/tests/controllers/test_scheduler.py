"""Which node a pod gets, and what is said where none fits."""

import pytest
from sandbox.tests.controllers.objects import a_pod

from linkerd_kube.objects import JsonObject
from linkerd_sandbox.controllers import scheduler
from linkerd_sandbox.controllers.actions import Note, Patch

NODE = {"metadata": {"name": "sandbox", "labels": {"kubernetes.io/os": "linux"}}}


def test_choice() -> None:
    pod = a_pod("one")
    assert scheduler.choose(pod, [NODE]) is NODE
    pod["spec"]["nodeSelector"] = {"kubernetes.io/os": "linux"}
    assert scheduler.choose(pod, [NODE]) is NODE
    pod["spec"]["nodeSelector"] = {"disk": "ssd"}
    assert scheduler.choose(pod, [NODE]) is None
    assert scheduler.choose(a_pod("one"), [NODE | {"spec": {"unschedulable": True}}]) is None


@pytest.mark.parametrize(
    ("spec", "node", "objection"),
    [
        ({}, {"taints": [{"key": "a", "value": "b", "effect": "NoSchedule"}]}, "untolerated taint {a: b}"),
        ({}, {"taints": [{"key": "a", "effect": "PreferNoSchedule"}]}, ""),
        ({"tolerations": [{"operator": "Exists"}]}, {"taints": [{"key": "a", "effect": "NoExecute"}]}, ""),
        (
            {"tolerations": [{"key": "a", "value": "b", "effect": "NoSchedule"}]},
            {"taints": [{"key": "a", "value": "b", "effect": "NoSchedule"}]},
            "",
        ),
        (
            {"tolerations": [{"key": "a", "value": "c"}]},
            {"taints": [{"key": "a", "value": "b", "effect": "NoSchedule"}]},
            "untolerated taint {a: b}",
        ),
        ({}, {"unschedulable": True}, "were unschedulable"),
        ({"tolerations": [{"operator": "Exists", "effect": "NoSchedule"}]}, {"unschedulable": True}, ""),
    ],
)
def test_taints(spec: JsonObject, node: JsonObject, objection: str) -> None:
    pod = a_pod("one")
    pod["spec"] |= spec
    found = scheduler.objection(pod, NODE | {"spec": node})
    assert objection in found
    assert bool(objection) == bool(found)


@pytest.mark.parametrize(
    ("term", "fits"),
    [
        ({"matchExpressions": [{"key": "cores", "operator": "Gt", "values": ["3"]}]}, True),
        ({"matchExpressions": [{"key": "cores", "operator": "Lt", "values": ["4"]}]}, False),
        ({"matchExpressions": [{"key": "os", "operator": "In", "values": ["linux", "plan9"]}]}, True),
        ({"matchExpressions": [{"key": "os", "operator": "NotIn", "values": ["linux"]}]}, False),
        ({"matchExpressions": [{"key": "gpu", "operator": "DoesNotExist"}]}, True),
        ({"matchExpressions": [{"key": "gpu", "operator": "Exists"}]}, False),
        ({"matchExpressions": [{"key": "gpu", "operator": "Gt", "values": ["1"]}]}, False),
        ({"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["sandbox"]}]}, True),
        ({}, False),
    ],
)
def test_node_affinity(term: JsonObject, fits: bool) -> None:
    node = {"metadata": {"name": "sandbox", "labels": {"os": "linux", "cores": "4"}}}
    pod = a_pod("one")
    required = {"nodeSelectorTerms": [term]}
    pod["spec"]["affinity"] = {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": required}}
    assert (scheduler.objection(pod, node) == "") == fits


def test_only_pods_without_a_node_need_one() -> None:
    assert not scheduler.needs_node(a_pod("one"))
    pod = a_pod("one")
    del pod["spec"]["nodeName"]
    assert scheduler.needs_node(pod)
    pod["metadata"]["deletionTimestamp"] = "x"
    assert not scheduler.needs_node(pod)


def test_a_refusal_is_said_once() -> None:
    pod = a_pod("one")
    pod["spec"]["nodeSelector"] = {"disk": "ssd"}
    note, patch = scheduler.refusal(pod, [NODE], "now").actions
    assert isinstance(note, Note)
    assert note.reason == "FailedScheduling"
    assert note.message == "0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector."
    assert isinstance(patch, Patch)
    pod["status"] = patch.body["status"]
    assert scheduler.refusal(pod, [NODE], "now").actions == ()
