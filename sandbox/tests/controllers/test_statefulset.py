"""StatefulSets: names, order, replacement, status."""

from sandbox.tests.controllers.objects import a_pod

from linkerd_kube.objects import JsonObject
from linkerd_sandbox.controllers import statefulset
from linkerd_sandbox.controllers.actions import Action, Create, Delete, Note, Patch

START = 1767225600.0


def a_set(replicas: int, **spec: object) -> JsonObject:
    template = {"metadata": {"labels": {"app": "db"}}, "spec": {"containers": []}}
    return {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {"name": "db", "namespace": "default", "uid": "s1", "generation": 1},
        "spec": {"replicas": replicas, "serviceName": "db", "template": template, **spec},
    }


def member(stateful_set: JsonObject, number: int, *, ready: bool = True, **changes: object) -> JsonObject:
    labels = {statefulset.REVISION: statefulset.revision_of(stateful_set)}
    return a_pod(f"db-{number}", ready=ready, **({"labels": labels} | changes))


def moves(stateful_set: JsonObject, *pods: JsonObject) -> list[str]:
    def shown(action: Action) -> str:
        match action:
            case Create(body=body):
                return f"+{body['metadata']['name']}"
            case Delete(name=name):
                return f"-{name}"
        return ""

    return [text for one in statefulset.reconcile(stateful_set, pods, START).actions if (text := shown(one))]


def test_pods_come_one_by_one_when_the_last_is_ready() -> None:
    db = a_set(3)
    assert moves(db) == ["+db-0"]
    assert moves(db, member(db, 0, ready=False)) == []
    assert moves(db, member(db, 0)) == ["+db-1"]
    assert moves(db, member(db, 0), member(db, 2)) == ["+db-1"]
    assert moves(a_set(3, podManagementPolicy="Parallel")) == ["+db-0", "+db-1", "+db-2"]


def test_scaling_down_takes_the_highest_first() -> None:
    db = a_set(1)
    everyone = [member(db, number) for number in range(3)]
    assert moves(db, *everyone) == ["-db-2"]
    everyone[2]["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    assert moves(db, *everyone) == []


def test_a_rolling_update_goes_from_the_top_to_the_partition() -> None:
    db = a_set(2)
    old = [member(db, number) for number in range(2)]
    db["spec"]["template"]["metadata"]["annotations"] = {"v": "2"}
    assert moves(db, *old) == ["-db-1"]
    assert moves(db, old[0], member(db, 1, ready=False)) == []
    assert moves(db, old[0], member(db, 1)) == ["-db-0"]
    db["spec"]["updateStrategy"] = {"type": "RollingUpdate", "rollingUpdate": {"partition": 1}}
    assert moves(db, old[0], member(db, 1)) == []
    db["spec"]["updateStrategy"] = {"type": "OnDelete"}
    assert moves(db, *old) == []


def test_a_failed_pod_is_replaced_under_its_name() -> None:
    db = a_set(1)
    failed = member(db, 0)
    failed["status"]["phase"] = "Failed"
    assert moves(db, failed) == ["-db-0"]


def test_a_pod_knows_its_name() -> None:
    pod = statefulset.new_pod(a_set(1), 0)
    assert (pod["spec"]["hostname"], pod["spec"]["subdomain"]) == ("db-0", "db")
    assert pod["metadata"]["labels"]["statefulset.kubernetes.io/pod-name"] == "db-0"


def test_status_follows_the_revisions() -> None:
    db = a_set(2)
    plan = statefulset.reconcile(db, [member(db, 0), member(db, 1)], START)
    status = next(action.body["status"] for action in plan.actions if isinstance(action, Patch))
    assert status["readyReplicas"] == status["updatedReplicas"] == status["currentReplicas"] == 2
    assert status["currentRevision"] == status["updateRevision"]
    db["status"] = status
    assert statefulset.reconcile(db, [member(db, 0), member(db, 1)], START).actions == []


def test_volume_claims_are_refused_aloud() -> None:
    plan = statefulset.reconcile(a_set(1, volumeClaimTemplates=[{}]), [], START)
    assert any(isinstance(action, Note) and "not implemented" in action.message for action in plan.actions)
    assert not any(isinstance(action, Create) for action in plan.actions)
