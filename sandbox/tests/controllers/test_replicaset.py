"""ReplicaSets: how many pods to make, which to delete, what the status says."""

from sandbox.tests.controllers.objects import a_pod

from linkerd_kube.objects import JsonObject
from linkerd_sandbox.controllers import replicaset
from linkerd_sandbox.controllers.actions import Create, Delete, Patch

START = 1767225600.0  # 2026-01-01T00:00:00Z


def a_set(replicas: int, **spec: object) -> JsonObject:
    template = {"metadata": {"labels": {"app": "web"}, "annotations": {"a": "b"}}, "spec": {"containers": []}}
    return {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": {"name": "web-1", "namespace": "default", "uid": "r1", "generation": 1},
        "spec": {"replicas": replicas, "template": template, **spec},
        "status": {"replicas": 0},
    }


def test_missing_pods_are_made_from_the_template() -> None:
    plan = replicaset.reconcile(a_set(3), [a_pod("one")], START)
    bodies = [action.body for action in plan.actions if isinstance(action, Create)]
    assert len(bodies) == 2
    assert bodies[0]["metadata"]["generateName"] == "web-1-"
    assert bodies[0]["metadata"]["annotations"] == {"a": "b"}
    assert bodies[0]["metadata"]["ownerReferences"][0]["uid"] == "r1"


def test_ended_and_ending_pods_do_not_count() -> None:
    ended = a_pod("ended")
    ended["status"]["phase"] = "Failed"
    ending = a_pod("ending", deletionTimestamp="2026-01-01T00:00:00Z")
    plan = replicaset.reconcile(a_set(1), [ended, ending], START)
    assert len([action for action in plan.actions if isinstance(action, Create)]) == 1


def test_the_least_useful_pod_goes_first() -> None:
    unplaced = a_pod("unplaced", ready=False)
    del unplaced["spec"]["nodeName"]
    pods = [
        a_pod("old", creationTimestamp="2026-01-01T00:00:00Z"),
        a_pod("young", creationTimestamp="2026-01-01T00:01:00Z"),
        a_pod("unready", ready=False),
        unplaced,
    ]
    plan = replicaset.reconcile(a_set(1), pods, START)
    assert [a.name for a in plan.actions if isinstance(a, Delete)] == ["unplaced", "unready", "young"]


def test_availability_by_time_is_looked_at_again() -> None:
    plan = replicaset.reconcile(a_set(1, minReadySeconds=30), [a_pod("one")], START + 10)
    status = next(action.body["status"] for action in plan.actions if isinstance(action, Patch))
    assert status["readyReplicas"] == 1
    assert status.get("availableReplicas", 0) == 0
    assert plan.again_in == 20
    later = replicaset.reconcile(a_set(1, minReadySeconds=30), [a_pod("one")], START + 31)
    assert next(a.body["status"] for a in later.actions if isinstance(a, Patch))["availableReplicas"] == 1


def test_a_settled_set_wants_nothing() -> None:
    settled = a_set(1)
    settled["status"] = replicaset.status_of(settled, [a_pod("one")], START)[0]
    assert replicaset.reconcile(settled, [a_pod("one")], START).actions == []


def test_a_deleted_set_makes_no_pods() -> None:
    gone = a_set(2)
    gone["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    assert not [a for a in replicaset.reconcile(gone, [], START).actions if isinstance(a, Create)]
