"""Columns of pods and of what they run. PURE."""

from linkerd_sandbox.apiserver.objects import JsonObject, dig, dig_list, dig_map
from linkerd_sandbox.apiserver.tables.cells import AGE, NAME, NONE, Column, human, seconds_of

_NODE_LOST = "NodeLost"


def _sidecars(body: JsonObject) -> set[str]:
    """Init containers that keep running (KEP-753)."""
    return {c["name"] for c in dig_list(body, "spec", "initContainers") if c.get("restartPolicy") == "Always"}


def ready(body: JsonObject, _now: float) -> str:
    """`ready/total` of containers and native sidecars."""
    sidecars = _sidecars(body)
    total = len(dig_list(body, "spec", "containers")) + len(sidecars)
    count = sum(bool(c.get("ready")) for c in dig_list(body, "status", "containerStatuses"))
    for status in dig_list(body, "status", "initContainerStatuses"):
        count += bool(status.get("name") in sidecars and status.get("ready"))
    return f"{count}/{total}"


def _ended(state: JsonObject) -> str:
    """What the status shows of a container that has ended."""
    if state.get("reason"):
        return str(state["reason"])
    if state.get("signal"):
        return f"Signal:{state['signal']}"
    return f"ExitCode:{state.get('exitCode', 0)}"


def _init_reason(body: JsonObject) -> str | None:
    """The status while init containers are not done, or None."""
    sidecars = _sidecars(body)
    total = len(dig_list(body, "spec", "initContainers"))
    for index, status in enumerate(dig_list(body, "status", "initContainerStatuses")):
        state = dig_map(status, "state")
        ended, waiting = state.get("terminated"), state.get("waiting")
        if ended is not None and ended.get("exitCode") == 0:
            continue
        if status.get("name") in sidecars and status.get("started"):
            continue
        if ended is not None:
            return f"Init:{_ended(ended)}"
        if waiting and waiting.get("reason") not in (None, "", "PodInitializing"):
            return f"Init:{waiting['reason']}"
        return f"Init:{index}/{total}"
    return None


def status(body: JsonObject, _now: float) -> str:
    """The STATUS column (k8s.io/kubernetes/pkg/printers/internalversion.printPod)."""
    reason = str(dig(body, "status", "reason") or dig(body, "status", "phase") or "")
    conditions = dig_list(body, "status", "conditions")
    for condition in conditions:
        if condition.get("type") == "PodScheduled" and condition.get("reason") == "SchedulingGated":
            reason = "SchedulingGated"
    initializing = _init_reason(body)
    if initializing is not None and not _initialized(conditions):
        reason = initializing
    else:
        reason = _running_reason(body, reason)
    if dig(body, "metadata", "deletionTimestamp"):
        if dig(body, "status", "reason") == _NODE_LOST:
            return "Unknown"
        if dig(body, "status", "phase") not in ("Succeeded", "Failed"):
            return "Terminating"
    return reason


def _initialized(conditions: list[JsonObject]) -> bool:
    return any(c.get("type") == "Initialized" and c.get("status") == "True" for c in conditions)


def _running_reason(body: JsonObject, reason: str) -> str:
    running = False
    for container in reversed(dig_list(body, "status", "containerStatuses")):
        state = dig_map(container, "state")
        waiting, ended = state.get("waiting"), state.get("terminated")
        if waiting and waiting.get("reason"):
            reason = waiting["reason"]
        elif ended is not None:
            reason = _ended(ended)
        elif container.get("ready") and state.get("running") is not None:
            running = True
    if reason == "Completed" and running:
        conditions = dig_list(body, "status", "conditions")
        is_ready = any(c.get("type") == "Ready" and c.get("status") == "True" for c in conditions)
        return "Running" if is_ready else "NotReady"
    return reason


def restarts(body: JsonObject, now: float) -> str:
    """`count`, or `count (time since the last ago)`."""
    sidecars = _sidecars(body)
    initializing = _init_reason(body) is not None and not _initialized(dig_list(body, "status", "conditions"))
    statuses = dig_list(body, "status", "initContainerStatuses")
    if not initializing:
        kept = [status for status in statuses if status.get("name") in sidecars]
        statuses = kept + dig_list(body, "status", "containerStatuses")
    count = sum(int(status.get("restartCount") or 0) for status in statuses)
    ends = [seconds_of(dig(status, "lastState", "terminated", "finishedAt")) for status in statuses]
    last = max((end for end in ends if end is not None), default=None)
    return f"{count} ({human(now - last)} ago)" if count and last is not None else str(count)


def _gates(body: JsonObject, _now: float) -> str:
    gates = [gate.get("conditionType") for gate in dig_list(body, "spec", "readinessGates")]
    if not gates:
        return NONE
    conditions = {c.get("type"): c.get("status") for c in dig_list(body, "status", "conditions")}
    return f"{sum(conditions.get(gate) == 'True' for gate in gates)}/{len(gates)}"


def _or_none(*path: str) -> "Column":
    name = {"podIP": "IP", "nodeName": "Node", "nominatedNodeName": "Nominated Node"}[path[-1]]
    return Column(name, lambda body, _now: dig(body, *path) or NONE, wide=True)


POD_COLUMNS = (
    NAME,
    Column("Ready", ready, description="The aggregate readiness state of this pod for accepting traffic."),
    Column("Status", status, description="The aggregate status of the containers in this pod."),
    Column("Restarts", restarts, description="The number of times the containers in this pod have been restarted."),
    AGE,
    _or_none("status", "podIP"),
    _or_none("spec", "nodeName"),
    _or_none("status", "nominatedNodeName"),
    Column("Readiness Gates", _gates, wide=True),
)
