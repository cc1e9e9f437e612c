"""CronJob: a Job at every time of a schedule. PURE.

Source: pkg/controller/cronjob. Times missed while nobody looked: only the last one is made up for, within
startingDeadlineSeconds.
"""

from collections.abc import Sequence
from datetime import tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from linkerd_kube.objects import JsonObject
from linkerd_kube.resources import CRON_JOBS, JOBS
from linkerd_sandbox.controllers import job as jobs
from linkerd_sandbox.controllers.actions import Action, Create, Delete, Note, Patch, Plan, controller_reference
from linkerd_sandbox.controllers.podstate import seconds_of
from linkerd_sandbox.fields import dig, dig_map
from linkerd_sandbox.schedule import Schedule, next_after, parse


def reconcile(cron_job: JsonObject, owned: Sequence[JsonObject], now: float) -> Plan:
    """`owned` are the Jobs that it controls."""
    if dig(cron_job, "metadata", "deletionTimestamp"):
        return Plan()
    active = [job for job in owned if not jobs.finished(job)]
    status = _status(cron_job, owned, active)
    actions = _history(cron_job, owned)
    again: float | None = None
    try:
        schedule = parse(str(dig(cron_job, "spec", "schedule")))
        zone: tzinfo = ZoneInfo(str(dig(cron_job, "spec", "timeZone") or "UTC"))
    except (ValueError, ZoneInfoNotFoundError) as error:
        return Plan([Note(cron_job, "Warning", "UnparseableSchedule", f"unparseable schedule: {error}")])
    if not dig(cron_job, "spec", "suspend"):
        due, coming = _due(cron_job, schedule, zone, now)
        again = coming - now + 0.05 if coming is not None else None
        if due is not None:
            actions += _start(cron_job, active, due, status)
    if dig_map(cron_job, "status") != status:
        meta = cron_job["metadata"]
        changed = status | {key: None for key in dig_map(cron_job, "status") if key not in status}
        actions.append(Patch(CRON_JOBS, meta["namespace"], meta["name"], {"status": changed}, "status"))
    return Plan(actions, again)


def _due(cron_job: JsonObject, schedule: Schedule, zone: tzinfo, now: float) -> tuple[float | None, float | None]:
    """(the last time that should have been and was not, the next one)."""
    last = dig(cron_job, "status", "lastScheduleTime") or cron_job["metadata"]["creationTimestamp"]
    since = seconds_of(str(last))
    deadline = dig(cron_job, "spec", "startingDeadlineSeconds")
    since = max(since, now - (int(deadline) if deadline is not None else 86400 * 7))
    due: float | None = None
    upcoming = next_after(schedule, since, zone)
    while upcoming is not None and upcoming <= now:
        due, upcoming = upcoming, next_after(schedule, upcoming, zone)
    return due, upcoming


def _start(cron_job: JsonObject, active: Sequence[JsonObject], due: float, status: JsonObject) -> list[Action]:
    policy = dig(cron_job, "spec", "concurrencyPolicy")
    if policy == "Forbid" and active:
        message = "Not starting job because prior execution is running and concurrency policy is Forbid"
        return [Note(cron_job, "Normal", "JobAlreadyActive", message)]
    actions: list[Action] = []
    if policy == "Replace":
        actions += [_delete(job) for job in active]
    body = new_job(cron_job, due)
    actions.append(Create(JOBS, str(cron_job["metadata"]["namespace"]), body))
    actions.append(Note(cron_job, "Normal", "SuccessfulCreate", f"Created job {body['metadata']['name']}"))
    status["lastScheduleTime"] = jobs.stamp(due)
    return actions


def new_job(cron_job: JsonObject, due: float) -> JsonObject:
    """The Job of a time: its name holds the minute, so that one time makes one Job."""
    template = dig_map(cron_job, "spec", "jobTemplate")
    meta = dig_map(template, "metadata")
    annotations = dict(meta.get("annotations") or {})
    annotations["batch.kubernetes.io/cronjob-scheduled-timestamp"] = jobs.stamp(due)
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": f"{cron_job['metadata']['name']}-{int(due) // 60}",
            "namespace": cron_job["metadata"]["namespace"],
            "labels": dict(meta.get("labels") or {}),
            "annotations": annotations,
            "ownerReferences": [controller_reference(cron_job)],
        },
        "spec": template["spec"],
    }


def _status(cron_job: JsonObject, owned: Sequence[JsonObject], active: Sequence[JsonObject]) -> JsonObject:
    status = {key: value for key, value in dig_map(cron_job, "status").items() if key != "active"}
    if active:
        status["active"] = [
            {
                "apiVersion": "batch/v1",
                "kind": "Job",
                **{key: job["metadata"][key] for key in ("name", "namespace", "uid")},
            }
            for job in sorted(active, key=lambda one: str(one["metadata"]["name"]))
        ]
    ended = [str(dig(job, "status", "completionTime")) for job in owned if dig(job, "status", "completionTime")]
    if ended:
        status["lastSuccessfulTime"] = max([*ended, str(status.get("lastSuccessfulTime") or "")])
    return status


def _history(cron_job: JsonObject, owned: Sequence[JsonObject]) -> list[Action]:
    """Deletions of finished Jobs beyond the limits, the oldest first."""
    actions: list[Action] = []
    for kind, field, default in (("Complete", "successful", 3), ("Failed", "failed", 1)):
        limit = dig(cron_job, "spec", f"{field}JobsHistoryLimit")
        limit = default if limit is None else int(limit)
        done = [job for job in owned if jobs.finished(job) == kind and not dig(job, "metadata", "deletionTimestamp")]
        done.sort(key=lambda job: (str(dig(job, "status", "startTime")), str(job["metadata"]["name"])))
        actions += [_delete(job) for job in done[: len(done) - limit if limit < len(done) else 0]]
    return actions


def _delete(job: JsonObject) -> Delete:
    meta = job["metadata"]
    return Delete(JOBS, meta["namespace"], meta["name"], meta["uid"])
