"""Job: pods until enough of them have succeeded, or too many failed. PURE.

Source: pkg/controller/job. Simplified: ended pods are counted while they exist (Kubernetes counts each once, by a
finalizer); no podFailurePolicy, successPolicy and backoffLimitPerIndex: a Job that has them fails and says so.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import Final

from linkerd_kube.objects import JsonObject
from linkerd_kube.resources import JOBS, PODS
from linkerd_sandbox.controllers.actions import Action, Create, Delete, Note, Patch, Plan
from linkerd_sandbox.controllers.podstate import condition, is_active, is_ready, seconds_of
from linkerd_sandbox.controllers.replicaset import pod_from_template
from linkerd_sandbox.fields import dig, dig_list, dig_map

_INDEX: Final = "batch.kubernetes.io/job-completion-index"
_FIRST_BACKOFF, _LONGEST_BACKOFF = 10.0, 600.0
_ABSENT: Final = ("podFailurePolicy", "successPolicy", "backoffLimitPerIndex")


def stamp(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def finished(job: JsonObject) -> str:
    """`Complete`, `Failed` or nothing."""
    for kind in ("Complete", "Failed"):
        found = condition(job, kind)
        if found is not None and found.get("status") == "True":
            return kind
    return ""


def reconcile(job: JsonObject, pods: Sequence[JsonObject], now: float) -> Plan:
    """`pods` are those that it controls."""
    if dig(job, "metadata", "deletionTimestamp"):
        return Plan()
    if finished(job):
        return _after(job, now)
    active = [pod for pod in pods if is_active(pod)]
    status = _counted(job, pods, active, now)
    suspended = bool(dig(job, "spec", "suspend"))
    verdict = _verdict(job, status, pods, now)
    actions: list[Action] = []
    again: list[float] = []
    if verdict is not None:
        actions += [_delete(pod) for pod in active]
        _finish(job, status, verdict, now)
        kind = "Normal" if verdict[0] == "Complete" else "Warning"
        actions.append(Note(job, kind, verdict[1], verdict[2]))
    elif suspended:
        actions += [_delete(pod) for pod in active]
        status.pop("startTime", None)
    else:
        made, wait = _moves(job, pods, active, status, now)
        actions += made
        again += [wait] if wait is not None else []
        deadline = dig(job, "spec", "activeDeadlineSeconds")
        if deadline is not None:
            again.append(seconds_of(str(status["startTime"])) + int(deadline) - now + 0.1)
    if dig_map(job, "status") != status:
        meta = job["metadata"]
        changed = status | {key: None for key in dig_map(job, "status") if key not in status}
        actions.insert(0, Patch(JOBS, meta["namespace"], meta["name"], {"status": changed}, "status"))
    return Plan(actions, max(min(again), 0) if again else None)


def _after(job: JsonObject, now: float) -> Plan:
    """ttlSecondsAfterFinished."""
    ttl = dig(job, "spec", "ttlSecondsAfterFinished")
    if ttl is None:
        return Plan()
    ended = condition(job, finished(job)) or {}
    left = seconds_of(str(ended.get("lastTransitionTime"))) + int(ttl) - now
    if left > 0:
        return Plan(again_in=left)
    meta = job["metadata"]
    return Plan([Delete(JOBS, meta["namespace"], meta["name"], meta["uid"], "Foreground")])


def _phases(pods: Sequence[JsonObject], phase: str) -> list[JsonObject]:
    return [pod for pod in pods if dig(pod, "status", "phase") == phase]


def _index(pod: JsonObject) -> int | None:
    text = dig_map(pod, "metadata", "annotations").get(_INDEX)
    return int(text) if text is not None else None


def _indexed(job: JsonObject) -> bool:
    return bool(dig(job, "spec", "completionMode") == "Indexed")


def _succeeded(job: JsonObject, pods: Sequence[JsonObject]) -> set[object]:
    """What has succeeded: indexes, or pods."""
    if _indexed(job):
        return {_index(pod) for pod in _phases(pods, "Succeeded")}
    return {pod["metadata"]["uid"] for pod in _phases(pods, "Succeeded")}


def _counted(job: JsonObject, pods: Sequence[JsonObject], active: Sequence[JsonObject], now: float) -> JsonObject:
    old = dig_map(job, "status")
    status = dict(old)
    status.setdefault("startTime", stamp(now))
    counts = {
        "active": len(active),
        "ready": sum(map(is_ready, active)),
        "succeeded": max(len(_succeeded(job, pods)), int(old.get("succeeded") or 0)),
        "failed": max(len(_phases(pods, "Failed")), int(old.get("failed") or 0)),
    }
    for key, value in counts.items():
        if value or key == "ready":
            status[key] = value
        else:
            status.pop(key, None)
    if _indexed(job):
        status["completedIndexes"] = intervals(sorted(n for n in _succeeded(job, pods) if isinstance(n, int)))
    status.setdefault("uncountedTerminatedPods", {})
    return status


def intervals(numbers: Sequence[int]) -> str:
    """Sorted numbers as Kubernetes writes them: `0,2-4`."""
    parts: list[list[int]] = []
    for number in numbers:
        if parts and parts[-1][-1] == number - 1:
            parts[-1] = [parts[-1][0], number]
        else:
            parts.append([number])
    return ",".join("-".join(map(str, part)) for part in parts)


def _verdict(
    job: JsonObject, status: JsonObject, pods: Sequence[JsonObject], now: float
) -> tuple[str, str, str] | None:
    """(condition, reason, message) of a Job that is over."""
    spec = dig_map(job, "spec")
    if absent := [name for name in _ABSENT if name in spec]:
        return "Failed", "NotImplemented", f"{absent[0]} is not implemented in the sandbox"
    if int(status.get("failed") or 0) > int(6 if spec.get("backoffLimit") is None else spec["backoffLimit"]):
        return "Failed", "BackoffLimitExceeded", "Job has reached the specified backoff limit"
    deadline = spec.get("activeDeadlineSeconds")
    if deadline is not None and not spec.get("suspend") and now - seconds_of(str(status["startTime"])) >= int(deadline):
        return "Failed", "DeadlineExceeded", "Job was active longer than specified deadline"
    wanted = spec.get("completions")
    succeeded = int(status.get("succeeded") or 0)
    if succeeded >= int(wanted) if wanted is not None else succeeded and not status.get("active"):
        return "Complete", "Completed", "Job completed"
    return None


def _finish(job: JsonObject, status: JsonObject, verdict: tuple[str, str, str], now: float) -> None:
    kind, reason, message = verdict
    first = "SuccessCriteriaMet" if kind == "Complete" else "FailureTarget"
    shown = "CompletionsReached" if kind == "Complete" else reason
    text = "Reached expected number of succeeded pods" if kind == "Complete" else message
    time = stamp(now)
    status["conditions"] = [
        *dig_list(job, "status", "conditions"),
        *(
            {
                "type": one,
                "status": "True",
                "reason": shown,
                "message": text,
                "lastProbeTime": time,
                "lastTransitionTime": time,
            }
            for one in (first, kind)
        ),
    ]
    status.pop("active", None)
    status["ready"] = 0
    if kind == "Complete":
        status["completionTime"] = time


def _moves(
    job: JsonObject, pods: Sequence[JsonObject], active: Sequence[JsonObject], status: JsonObject, now: float
) -> tuple[list[Action], float | None]:
    """Pods to make or to take away, and when to look again."""
    spec = dig_map(job, "spec")
    parallelism = int(1 if spec.get("parallelism") is None else spec["parallelism"])
    completions, succeeded = spec.get("completions"), int(status.get("succeeded") or 0)
    if completions is not None:
        wanted = min(parallelism, int(completions) - succeeded)
    else:
        wanted = len(active) if succeeded else parallelism
    if len(active) > wanted:
        return [_delete(pod) for pod in active[wanted:]], None
    # ending pods still count: their replacements wait for them
    ending = sum(dig(pod, "metadata", "deletionTimestamp") is not None for pod in pods)
    missing = wanted - len(active) - ending
    if missing <= 0:
        return [], None
    wait = _backoff(pods, now)
    if wait > 0:
        return [], wait
    return [_create(job, index) for index in _indexes(job, pods, active, missing)], None


def _indexes(
    job: JsonObject, pods: Sequence[JsonObject], active: Sequence[JsonObject], missing: int
) -> Sequence[int | None]:
    if not _indexed(job):
        return [None] * missing
    taken = _succeeded(job, pods) | {_index(pod) for pod in active}
    free = (number for number in range(int(dig(job, "spec", "completions") or 1)) if number not in taken)
    return list(islice(free, missing))


def _backoff(pods: Sequence[JsonObject], now: float) -> float:
    """Seconds to wait after failures in a row: 10 s, doubled by each, at most ten minutes."""
    failed = _phases(pods, "Failed")
    if not failed:
        return 0.0
    delay = min(_FIRST_BACKOFF * 2 ** (len(failed) - 1), _LONGEST_BACKOFF)
    return float(max(map(_ended_at, failed)) + delay - now)


def _ended_at(pod: JsonObject) -> float:
    times = [
        str(time)
        for status in dig_list(pod, "status", "containerStatuses")
        if (time := dig(status, "state", "terminated", "finishedAt"))
    ]
    return seconds_of(max(times, default=str(pod["metadata"]["creationTimestamp"])))


def _delete(pod: JsonObject) -> Delete:
    meta = pod["metadata"]
    return Delete(PODS, meta["namespace"], meta["name"], meta["uid"])


def _create(job: JsonObject, index: int | None) -> Create:
    pod = pod_from_template(job)
    if index is not None:
        name = job["metadata"]["name"]
        pod["metadata"]["generateName"] = f"{name}-{index}-"
        pod["metadata"]["annotations"][_INDEX] = pod["metadata"]["labels"][_INDEX] = str(index)
        source = {"fieldRef": {"fieldPath": f"metadata.labels['{_INDEX}']"}}
        variable = {"name": "JOB_COMPLETION_INDEX", "valueFrom": source}
        containers = [{**one, "env": [*(one.get("env") or []), variable]} for one in pod["spec"]["containers"]]
        pod["spec"] = {**pod["spec"], "containers": containers, "hostname": f"{name}-{index}"}
    return Create(PODS, str(job["metadata"]["namespace"]), pod, job)
