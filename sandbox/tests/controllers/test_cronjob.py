"""CronJobs: schedules, and what is started when."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from linkerd_kube.objects import JsonObject
from linkerd_sandbox.controllers import cronjob
from linkerd_sandbox.controllers.actions import Create, Delete, Note, Patch

START = datetime(2026, 1, 1, 12, 0, 30, tzinfo=UTC).timestamp()  # a Thursday


@pytest.mark.parametrize(
    ("schedule", "following"),
    [
        ("* * * * *", "2026-01-01 12:01"),
        ("*/15 * * * *", "2026-01-01 12:15"),
        ("5 4 * * *", "2026-01-02 04:05"),
        ("0 0 29 2 *", "2028-02-29 00:00"),
        ("0 12 * * sun", "2026-01-04 12:00"),
        ("0 12 * * 7", "2026-01-04 12:00"),
        ("0 12 13 * fri", "2026-01-02 12:00"),
        ("0 9-17/4 * jan mon-fri", "2026-01-01 13:00"),
        ("30 1,3 * * *", "2026-01-02 01:30"),
        ("@hourly", "2026-01-01 13:00"),
        ("@monthly", "2026-02-01 00:00"),
    ],
)
def test_schedules(schedule: str, following: str) -> None:
    found = cronjob.next_after(cronjob.parse(schedule), START)
    assert found is not None
    assert datetime.fromtimestamp(found, UTC).strftime("%Y-%m-%d %H:%M") == following


def test_a_time_zone_shifts_it_and_some_days_never_come() -> None:
    found = cronjob.next_after(cronjob.parse("0 0 * * *"), START, ZoneInfo("Asia/Tokyo"))
    assert found == datetime(2026, 1, 1, 15, tzinfo=UTC).timestamp()
    assert cronjob.next_after(cronjob.parse("0 0 31 2 *"), START) is None


@pytest.mark.parametrize("text", ["", "* * *", "60 * * * *", "* 24 * * *", "*/0 * * * *", "5-1 * * * *", "a * * * *"])
def test_bad_schedules(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        cronjob.parse(text)


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
