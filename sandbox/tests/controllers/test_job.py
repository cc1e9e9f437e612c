"""Jobs: how many pods at a time, when one is over, and why."""

import pytest
from sandbox.tests.controllers.objects import a_pod

from linkerd_kube.objects import JsonObject
from linkerd_sandbox.controllers import job
from linkerd_sandbox.controllers.actions import Create, Delete, Patch, Plan

START = 1767225600.0


def a_job(**spec: object) -> JsonObject:
    template = {
        "metadata": {"labels": {"app": "job"}},
        "spec": {"containers": [{"name": "c"}], "restartPolicy": "Never"},
    }
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "pi", "namespace": "default", "uid": "j1", "creationTimestamp": "2026-01-01T00:00:00Z"},
        "spec": {"completions": 1, "parallelism": 1, "backoffLimit": 6, "template": template, **spec},
        "status": {"startTime": "2026-01-01T00:00:00Z"},
    }


def in_phase(name: str, phase: str) -> JsonObject:
    pod = a_pod(name, creationTimestamp="2026-01-01T00:00:00Z")
    pod["status"]["phase"] = phase
    return pod


def made(plan: Plan) -> list[JsonObject]:
    return [action.body for action in plan.actions if isinstance(action, Create)]


def status(plan: Plan) -> JsonObject:
    found: JsonObject = next(action.body["status"] for action in plan.actions if isinstance(action, Patch))
    return found


@pytest.mark.parametrize(
    ("spec", "phases", "count"),
    [
        ({}, [], 1),
        ({}, ["Running"], 0),
        ({"completions": 5, "parallelism": 2}, [], 2),
        ({"completions": 5, "parallelism": 2}, ["Succeeded", "Running"], 1),
        ({"completions": 3, "parallelism": 2}, ["Succeeded", "Succeeded"], 1),
        ({"completions": None, "parallelism": 2}, [], 2),
        ({"completions": None, "parallelism": 2}, ["Succeeded", "Running"], 0),
        ({"suspend": True}, [], 0),
    ],
)
def test_how_many_pods_are_made(spec: JsonObject, phases: list[str], count: int) -> None:
    pods = [in_phase(f"p{index}", phase) for index, phase in enumerate(phases)]
    assert len(made(job.reconcile(a_job(**spec), pods, START + 1))) == count


def test_completion() -> None:
    found = status(job.reconcile(a_job(), [in_phase("p", "Succeeded")], START + 5))
    assert [one["type"] for one in found["conditions"]] == ["SuccessCriteriaMet", "Complete"]
    assert (found["succeeded"], found["completionTime"]) == (1, "2026-01-01T00:00:05Z")


def test_failures_wait_longer_each_time_and_then_it_is_over() -> None:
    failed = [in_phase("a", "Failed"), in_phase("b", "Failed")]
    plan = job.reconcile(a_job(), failed, START + 5)
    assert (made(plan), plan.again_in) == ([], 15)
    assert len(made(job.reconcile(a_job(), failed, START + 21))) == 1
    over = status(job.reconcile(a_job(backoffLimit=1), failed, START + 5))
    assert over["conditions"][1]["reason"] == "BackoffLimitExceeded"


def test_a_deadline_ends_what_runs() -> None:
    running = in_phase("a", "Running")
    assert job.reconcile(a_job(activeDeadlineSeconds=10), [running], START + 4).again_in == pytest.approx(6.1)
    plan = job.reconcile(a_job(activeDeadlineSeconds=10), [running], START + 11)
    assert status(plan)["conditions"][1]["reason"] == "DeadlineExceeded"
    assert [action.name for action in plan.actions if isinstance(action, Delete)] == ["a"]


def test_indexes() -> None:
    done = in_phase("a", "Succeeded")
    done["metadata"]["annotations"] = {"batch.kubernetes.io/job-completion-index": "0"}
    plan = job.reconcile(a_job(completionMode="Indexed", completions=3, parallelism=2), [done], START)
    assert [body["metadata"]["generateName"] for body in made(plan)] == ["pi-1-", "pi-2-"]
    assert made(plan)[0]["spec"]["containers"][0]["env"][0]["name"] == "JOB_COMPLETION_INDEX"
    assert status(plan)["completedIndexes"] == "0"
    assert job.intervals([0, 2, 3, 4, 7]) == "0,2-4,7"


def test_a_finished_job_goes_after_its_time() -> None:
    over = a_job(ttlSecondsAfterFinished=10)
    over["status"]["conditions"] = [
        {"type": "Complete", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"}
    ]
    assert job.reconcile(over, [], START + 4).again_in == 6
    assert [action for action in job.reconcile(over, [], START + 11).actions if isinstance(action, Delete)]


def test_what_is_absent_fails_aloud() -> None:
    found = status(job.reconcile(a_job(successPolicy={}), [], START))
    assert found["conditions"][1]["message"] == "successPolicy is not implemented in the sandbox"
