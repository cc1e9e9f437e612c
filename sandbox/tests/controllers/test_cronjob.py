"""CronJobs: schedules, and what is started when."""

from datetime import UTC, datetime

import pytest

from linkerd_kube.objects import JsonObject
from linkerd_sandbox.controllers import cronjob
from linkerd_sandbox.controllers.actions import Create, Delete, Note, Patch

START = datetime(2026, 1, 1, 12, 0, 30, tzinfo=UTC).timestamp()  # a Thursday


def a_cron_job(**spec: object) -> JsonObject:
    return {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {"name": "c", "namespace": "default", "uid": "c1", "creationTimestamp": "2026-01-01T11:58:10Z"},
        "spec": {"schedule": "* * * * *", "jobTemplate": {"spec": {"a": 1}}, **spec},
    }


def a_run(name: str, condition: str = "") -> JsonObject:
    conditions = [{"type": condition, "status": "True"}] if condition else []
    return {
        "metadata": {"name": name, "namespace": "default", "uid": name},
        "status": {"conditions": conditions, "startTime": name},
    }


def test_the_last_missed_time_is_made_up_for() -> None:
    plan = cronjob.reconcile(a_cron_job(), [], START)
    created = [action.body for action in plan.actions if isinstance(action, Create)]
    due = datetime(2026, 1, 1, 12, 0, tzinfo=UTC).timestamp()
    assert [body["metadata"]["name"] for body in created] == [f"c-{int(due) // 60}"]
    assert created[0]["metadata"]["ownerReferences"][0]["kind"] == "CronJob"
    patch = next(action.body for action in plan.actions if isinstance(action, Patch))
    assert patch["status"]["lastScheduleTime"] == "2026-01-01T12:00:00Z"
    assert plan.again_in == pytest.approx(30.05)
    seen = a_cron_job() | {"status": {"lastScheduleTime": "2026-01-01T12:00:00Z"}}
    assert not [action for action in cronjob.reconcile(seen, [], START).actions if isinstance(action, Create)]


def test_concurrency_and_suspension() -> None:
    running = a_run("r")
    forbid = cronjob.reconcile(a_cron_job(concurrencyPolicy="Forbid"), [running], START).actions
    assert not [one for one in forbid if isinstance(one, Create)]
    replace = cronjob.reconcile(a_cron_job(concurrencyPolicy="Replace"), [running], START).actions
    assert [type(one) for one in replace if isinstance(one, (Create, Delete))] == [Delete, Create]
    assert not [
        one for one in cronjob.reconcile(a_cron_job(suspend=True), [], START).actions if isinstance(one, Create)
    ]


def test_old_runs_are_forgotten() -> None:
    runs = [a_run(f"r{index}", "Complete") for index in range(5)] + [a_run("f1", "Failed"), a_run("f2", "Failed")]
    plan = cronjob.reconcile(a_cron_job(suspend=True), runs, START)
    assert [one.name for one in plan.actions if isinstance(one, Delete)] == ["r0", "r1", "f1"]


def test_a_bad_schedule_is_an_event() -> None:
    actions = cronjob.reconcile(a_cron_job(schedule="x"), [], START).actions
    assert [one.reason for one in actions if isinstance(one, Note)] == ["UnparseableSchedule"]
