"""Which node a pod gets, and what is said where none fits."""

from sandbox.tests.controllers.objects import a_pod

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


def test_only_pods_without_a_node_need_one() -> None:
    assert not scheduler.needs_node(a_pod("one"))
    pod = a_pod("one")
    del pod["spec"]["nodeName"]
    assert scheduler.needs_node(pod)
    pod["metadata"]["deletionTimestamp"] = "x"
    assert not scheduler.needs_node(pod)


def test_a_refusal_is_said_once() -> None:
    pod = a_pod("one")
    note, patch = scheduler.refusal(pod, [NODE], "now").actions
    assert isinstance(note, Note)
    assert note.reason == "FailedScheduling"
    assert isinstance(patch, Patch)
    pod["status"] = patch.body["status"]
    assert scheduler.refusal(pod, [NODE], "now").actions == ()
