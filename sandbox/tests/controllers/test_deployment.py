"""Deployments: which set is the new one, revisions, history, and what `kubectl rollout` reads."""

from linkerd_kube.objects import JsonObject
from linkerd_sandbox.controllers import deployment
from linkerd_sandbox.controllers.actions import Create, Delete, Patch, Plan

NOW = "2026-01-01T00:00:10Z"


def a_deployment(replicas: int = 1, image: str = "a", **status: object) -> JsonObject:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "default", "uid": "d1", "generation": 2, "annotations": {"note": "x"}},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": "web"}},
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
            "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {"containers": [{"name": "c", "image": image}]},
            },
        },
        "status": dict(status),
    }


def created_by(parent: JsonObject, *, replicas: int, available: int, revision: int, age: int = 0) -> JsonObject:
    plan = deployment.reconcile(parent, [], 0, NOW)
    body = next(action.body for action in plan.actions if isinstance(action, Create))
    meta = dict(body["metadata"]) | {"uid": f"r{revision}", "creationTimestamp": f"2026-01-01T00:00:0{age}Z"}
    meta["annotations"] = dict(meta["annotations"]) | {deployment.REVISION: str(revision)}
    status = {"replicas": replicas, "readyReplicas": available, "availableReplicas": available}
    return body | {"metadata": meta, "spec": dict(body["spec"]) | {"replicas": replicas}, "status": status}


def status_of(plan: Plan) -> JsonObject:
    found = [action.body["status"] for action in plan.actions if isinstance(action, Patch) and action.subresource]
    assert len(found) == 1
    return dict(found[0])


def test_the_first_set_carries_hash_owner_and_revision() -> None:
    plan = deployment.reconcile(a_deployment(2), [], 0, NOW)
    body = next(action.body for action in plan.actions if isinstance(action, Create))
    value = body["metadata"]["labels"]["pod-template-hash"]
    assert body["metadata"]["name"] == f"web-{value}"
    assert body["spec"]["selector"]["matchLabels"] == {"app": "web", "pod-template-hash": value}
    assert body["spec"]["template"]["metadata"]["labels"]["pod-template-hash"] == value
    assert body["spec"]["replicas"] == 2
    assert body["metadata"]["ownerReferences"][0]["controller"]
    assert body["metadata"]["annotations"] == {
        "note": "x",
        "deployment.kubernetes.io/revision": "1",
        "deployment.kubernetes.io/desired-replicas": "2",
        "deployment.kubernetes.io/max-replicas": "3",
    }


def test_an_empty_first_set_is_no_scaling() -> None:
    plan = deployment.reconcile(a_deployment(0), [], 0, NOW)
    assert [type(action) for action in plan.actions if not isinstance(action, Patch)] == [Create]


def test_the_new_set_is_found_by_its_template() -> None:
    old = created_by(a_deployment(image="a"), replicas=1, available=1, revision=1)
    new = created_by(a_deployment(image="b"), replicas=1, available=0, revision=2)
    assert deployment.find_new(a_deployment(image="b"), [old, new]) is new
    assert deployment.find_new(a_deployment(image="c"), [old, new]) is None


def test_a_complete_rollout_says_so() -> None:
    ready = created_by(a_deployment(), replicas=1, available=1, revision=1)
    status = status_of(deployment.reconcile(a_deployment(), [ready], 0, NOW))
    assert status["observedGeneration"] == 2
    assert (status["replicas"], status["updatedReplicas"], status["availableReplicas"]) == (1, 1, 1)
    assert [(c["type"], c["status"], c["reason"]) for c in status["conditions"]] == [
        ("Available", "True", "MinimumReplicasAvailable"),
        ("Progressing", "True", "NewReplicaSetAvailable"),
    ]
    settled = a_deployment() | {"status": status}
    settled["metadata"]["annotations"][deployment.REVISION] = "1"
    assert deployment.reconcile(settled, [ready], 0, "2026-01-01T01:00:00Z").actions == []


def test_a_rollout_that_stands_still_is_timed_out() -> None:
    stuck = created_by(a_deployment(), replicas=1, available=0, revision=1)
    first = deployment.reconcile(a_deployment(), [stuck], 0, NOW)
    status = status_of(first)
    assert status["conditions"][1]["reason"] == "ReplicaSetUpdated"
    assert first.again_in == 601
    waiting = deployment.reconcile(a_deployment(**status), [stuck], 0, "2026-01-01T00:05:10Z")
    assert waiting.again_in == 301
    late = status_of(deployment.reconcile(a_deployment(**status), [stuck], 0, "2026-01-01T00:10:11Z"))
    assert (late["conditions"][1]["status"], late["conditions"][1]["reason"]) == ("False", "ProgressDeadlineExceeded")


def test_undo_gives_the_old_template_a_new_revision() -> None:
    first = created_by(a_deployment(image="a"), replicas=0, available=0, revision=1)
    second = created_by(a_deployment(image="b"), replicas=1, available=1, revision=2)
    plan = deployment.reconcile(a_deployment(image="a"), [first, second], 0, NOW)
    revisions = [
        action.body["metadata"]["annotations"][deployment.REVISION]
        for action in plan.actions
        if isinstance(action, Patch) and "metadata" in action.body
    ]
    assert revisions == ["3", "3"], "of the set and of the deployment"


def test_history_is_limited() -> None:
    parent = a_deployment(image="z")
    parent["spec"]["revisionHistoryLimit"] = 1
    new = created_by(parent, replicas=1, available=1, revision=9)
    old = [created_by(a_deployment(image=str(n)), replicas=0, available=0, revision=n, age=n) for n in range(1, 4)]
    plan = deployment.reconcile(parent, [*old, new], 0, NOW)
    assert [action.uid for action in plan.actions if isinstance(action, Delete)] == ["r1", "r2"]


def test_paused_moves_nothing() -> None:
    parent = a_deployment(image="b")
    parent["spec"]["paused"] = True
    old = created_by(a_deployment(image="a"), replicas=1, available=1, revision=1)
    plan = deployment.reconcile(parent, [old], 0, NOW)
    assert not [action for action in plan.actions if isinstance(action, Create)]
    assert status_of(plan)["conditions"][1]["reason"] == "DeploymentPaused"
