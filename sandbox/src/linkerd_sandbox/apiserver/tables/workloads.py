"""Columns of Deployments and the other kinds that make pods. PURE."""

from linkerd_sandbox.apiserver.objects import JsonObject, dig, dig_list
from linkerd_sandbox.apiserver.tables.cells import (
    AGE,
    NAME,
    NONE,
    Column,
    at,
    human,
    joined,
    seconds_of,
    selector_text,
    since,
)  # fmt: skip


def _containers(*path: str) -> tuple[Column, Column]:
    def names(body: JsonObject, _now: float) -> str:
        return joined([c.get("name", "") for c in dig_list(body, *path, "containers")])

    def images(body: JsonObject, _now: float) -> str:
        return joined([c.get("image", "") for c in dig_list(body, *path, "containers")])

    return Column("Containers", names, wide=True), Column("Images", images, wide=True)


_TEMPLATE = _containers("spec", "template", "spec")


def _selector(body: JsonObject, _now: float) -> str:
    return selector_text(dig(body, "spec", "selector"))


def _job_selector(body: JsonObject, _now: float) -> str:
    return selector_text(dig(body, "spec", "jobTemplate", "spec", "selector"))


_SELECTOR = Column("Selector", _selector, wide=True)


def _number(name: str, *path: str) -> Column:
    return Column(name, at(*path, default=0), "integer")


def _ready_of(body: JsonObject, _now: float) -> str:
    return f"{dig(body, 'status', 'readyReplicas') or 0}/{dig(body, 'spec', 'replicas') or 0}"


DEPLOYMENT_COLUMNS = (
    NAME,
    Column("Ready", _ready_of),
    Column("Up-to-date", at("status", "updatedReplicas", default=0)),
    Column("Available", at("status", "availableReplicas", default=0)),
    AGE,
    *_TEMPLATE,
    _SELECTOR,
)
REPLICA_SET_COLUMNS = (
    NAME,
    _number("Desired", "spec", "replicas"),
    _number("Current", "status", "replicas"),
    _number("Ready", "status", "readyReplicas"),
    AGE,
    *_TEMPLATE,
    _SELECTOR,
)
STATEFUL_SET_COLUMNS = (NAME, Column("Ready", _ready_of), AGE, *_TEMPLATE)
DAEMON_SET_COLUMNS = (
    NAME,
    _number("Desired", "status", "desiredNumberScheduled"),
    _number("Current", "status", "currentNumberScheduled"),
    _number("Ready", "status", "numberReady"),
    _number("Up-to-date", "status", "updatedNumberScheduled"),
    _number("Available", "status", "numberAvailable"),
    Column(
        "Node Selector",
        lambda body, _now: joined(
            [f"{k}={v}" for k, v in (dig(body, "spec", "template", "spec", "nodeSelector") or {}).items()]
        ),
    ),
    AGE,
    *_TEMPLATE,
    _SELECTOR,
)


def _job_status(body: JsonObject, _now: float) -> str:
    conditions = {c.get("type") for c in dig_list(body, "status", "conditions") if c.get("status") == "True"}
    for name in ("Complete", "Failed", "Suspended", "FailureTarget", "SuccessCriteriaMet"):
        if name in conditions:
            return name
    return "Terminating" if dig(body, "metadata", "deletionTimestamp") else "Running"


def _completions(body: JsonObject, _now: float) -> str:
    succeeded = dig(body, "status", "succeeded") or 0
    wanted, parallel = dig(body, "spec", "completions"), dig(body, "spec", "parallelism") or 0
    if wanted is not None:
        return f"{succeeded}/{wanted}"
    return f"{succeeded}/1 of {parallel}" if parallel > 1 else f"{succeeded}/1"


def _duration(body: JsonObject, now: float) -> str:
    start, end = (seconds_of(dig(body, "status", key)) for key in ("startTime", "completionTime"))
    return "" if start is None else human((now if end is None else end) - start)


JOB_COLUMNS = (
    NAME,
    Column("Status", _job_status),
    Column("Completions", _completions),
    Column("Duration", _duration),
    AGE,
    *_TEMPLATE,
    _SELECTOR,
)


def _last_schedule(body: JsonObject, now: float) -> str:
    last = dig(body, "status", "lastScheduleTime")
    return since(last, now) if last else NONE


CRON_JOB_COLUMNS = (
    NAME,
    Column("Schedule", at("spec", "schedule")),
    Column("Timezone", at("spec", "timeZone", default=NONE)),
    Column("Suspend", lambda body, _now: str(bool(dig(body, "spec", "suspend")))),
    Column("Active", lambda body, _now: len(dig_list(body, "status", "active")), "integer"),
    Column("Last Schedule", _last_schedule),
    AGE,
    *_containers("spec", "jobTemplate", "spec", "template", "spec"),
    Column("Selector", _job_selector, wide=True),
)
CONTROLLER_REVISION_COLUMNS = (
    NAME,
    Column(
        "Controller",
        lambda body, _now: next(
            (
                f"{o['kind'].lower()}.{o['apiVersion'].rpartition('/')[0]}/{o['name']}"
                for o in dig_list(body, "metadata", "ownerReferences")
                if o.get("controller")
            ),
            NONE,
        ),
    ),
    _number("Revision", "revision"),
    AGE,
)
POD_TEMPLATE_COLUMNS = (
    NAME,
    *(column._replace(wide=False) for column in _containers("template", "spec")),
    Column(
        "Pod Labels",
        lambda body, _now: joined([f"{k}={v}" for k, v in (dig(body, "template", "metadata", "labels") or {}).items()]),
    ),
)
SCALE_COLUMNS = (
    NAME,
    _number("Desired", "spec", "replicas"),
    _number("Available", "status", "replicas"),
    AGE,
)
