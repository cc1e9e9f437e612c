"""From what runs to what the API shows: container statuses, pod phase and conditions. PURE.

Phases and conditions follow kubelet (pkg/kubelet/kubelet_pods.go getPhase, pkg/kubelet/status/generate.go). Objects are
fully populated: clients with typed models refuse, for example, a missing imageID.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from linkerd_kube.objects import JsonObject
from linkerd_sandbox.fields import dig, dig_list

Kind = Literal["init", "sidecar", "app", "ephemeral"]


@dataclass(frozen=True, slots=True)
class Terminated:
    """How a run ended; times are RFC 3339."""

    exit_code: int
    reason: str
    started_at: str
    finished_at: str
    container_id: str
    message: str = ""

    def to_json(self) -> JsonObject:
        body: JsonObject = {
            "exitCode": self.exit_code,
            "reason": self.reason,
            "startedAt": self.started_at,
            "finishedAt": self.finished_at,
            "containerID": self.container_id,
        }
        if self.exit_code > 128:
            body["signal"] = self.exit_code - 128
        return body | ({"message": self.message} if self.message else {})


@dataclass(slots=True)
class ContainerState:
    """What the kubelet knows of one container."""

    name: str
    kind: Kind
    image: str
    image_id: str = ""
    container_id: str = ""
    waiting_reason: str = "PodInitializing"
    waiting_message: str = ""
    running_since: str = ""
    terminated: Terminated | None = None
    last: Terminated | None = None
    restart_count: int = 0
    ready: bool = False
    started: bool = False

    @property
    def running(self) -> bool:
        return bool(self.running_since)

    @property
    def succeeded(self) -> bool:
        return self.terminated is not None and self.terminated.exit_code == 0

    def to_json(self) -> JsonObject:
        state: JsonObject
        if self.running_since:
            state = {"running": {"startedAt": self.running_since}}
        elif self.terminated is not None:
            state = {"terminated": self.terminated.to_json()}
        else:
            message = {"message": self.waiting_message} if self.waiting_message else {}
            state = {"waiting": {"reason": self.waiting_reason} | message}
        body: JsonObject = {
            "name": self.name,
            "image": self.image,
            "imageID": self.image_id,
            "ready": self.succeeded if self.kind == "init" else self.ready and self.kind != "ephemeral",
            "started": self.started,
            "restartCount": self.restart_count,
            "state": state,
            "lastState": {"terminated": self.last.to_json()} if self.last is not None else {},
        }
        return body | ({"containerID": self.container_id} if self.container_id else {})


@dataclass(frozen=True, slots=True)
class PodView:
    """All that a status is made of."""

    pod: JsonObject
    states: Sequence[ContainerState]
    host_ips: Sequence[str]
    pod_ips: Sequence[str] = ()
    """The first is the pod's main address."""
    start_time: str = ""
    failure: tuple[str, str] | None = None
    """(reason, message) where the pod as a whole has failed."""
    finished: bool = False
    """Every container was stopped for good."""
    previous: Sequence[JsonObject] = field(default_factory=tuple)
    """The conditions shown before."""


def phase(view: PodView) -> str:
    """Pending, Running, Succeeded or Failed."""
    if view.failure is not None:
        return "Failed"
    policy = dig(view.pod, "spec", "restartPolicy") or "Always"
    if not initialized(view.states):
        # a sidecar that restarts under running containers does not take the pod back to Pending
        broken = any(s.kind == "init" and s.terminated is not None and not s.succeeded for s in view.states)
        return "Failed" if broken and policy == "Never" else "Pending"
    apps = [state for state in view.states if state.kind == "app"]
    if all(state.terminated is not None for state in apps) and (view.finished or policy != "Always"):
        if all(state.succeeded for state in apps):
            return "Succeeded"
        if policy == "Never" or view.finished:
            return "Failed"
    if any(not s.running and s.terminated is None and s.last is None for s in apps):
        return "Pending"
    return "Running"


def initialized(states: Sequence[ContainerState]) -> bool:
    """Whether every init container is done and every sidecar has started.

    Where a container has started once, they had: a sidecar that restarts later changes nothing about it.
    """
    if any(s.kind == "app" and (s.running or s.terminated is not None or s.last is not None) for s in states):
        return True
    wanted = {"init": lambda s: s.succeeded, "sidecar": lambda s: s.started}
    return all(wanted[s.kind](s) for s in states if s.kind in wanted)


def conditions(view: PodView, now: str) -> list[JsonObject]:
    """The conditions that are the kubelet's to write; a transition time is kept while the status stays."""
    done = phase(view) == "Succeeded"
    waiting_init = [s.name for s in view.states if s.kind == "init" and not s.succeeded]
    waiting_init += [s.name for s in view.states if s.kind == "sidecar" and not s.started]
    unready = [s.name for s in view.states if s.kind in ("app", "sidecar") and not s.ready]
    is_initialized = initialized(view.states) or done
    containers_ready = not unready and is_initialized and not done
    missing = "containers with incomplete status" if not is_initialized else "containers with unready status"
    names = waiting_init if not is_initialized else unready
    init_reason = ("ContainersNotInitialized", f"containers with incomplete status: [{' '.join(waiting_init)}]")
    ready_reason = ("PodCompleted", "") if done else ("ContainersNotReady", f"{missing}: [{' '.join(names)}]")
    if not is_initialized:
        ready_reason = ("ContainersNotReady", f"containers with unready status: [{' '.join(unready)}]")
    old = {str(condition.get("type")): condition for condition in view.previous}
    gates = [str(gate["conditionType"]) for gate in dig_list(view.pod, "spec", "readinessGates")]
    closed = [gate for gate in gates if old.get(gate, {}).get("status") != "True"]
    gate_reason = ready_reason
    if containers_ready and closed:
        text = ", ".join(f'corresponding condition of pod readiness gate "{gate}" does not exist.' for gate in closed)
        gate_reason = ("ReadinessGatesNotReady", text)
    wanted: list[tuple[str, bool, tuple[str, str]]] = [
        ("PodReadyToStartContainers", bool(view.pod_ips), ("", "")),
        ("Initialized", is_initialized, init_reason),
        ("Ready", containers_ready and not closed, gate_reason),
        ("ContainersReady", containers_ready, ready_reason),
        ("PodScheduled", True, ("", "")),
    ]
    return [_condition(kind, value, reason, old.get(kind), now) for kind, value, reason in wanted]


def _condition(kind: str, value: bool, reason: tuple[str, str], old: JsonObject | None, now: str) -> JsonObject:
    status = "True" if value else "False"
    since = old.get("lastTransitionTime") if old is not None and old.get("status") == status else None
    body: JsonObject = {"type": kind, "status": status, "lastProbeTime": None, "lastTransitionTime": since or now}
    if not value:
        body |= {"reason": reason[0]} if reason[0] else {}
        body |= {"message": reason[1]} if reason[1] else {}
    return body


def qos_class(pod: JsonObject) -> str:
    """Guaranteed, Burstable or BestEffort (pkg/apis/core/v1/helper/qos)."""
    containers = [*dig_list(pod, "spec", "containers"), *dig_list(pod, "spec", "initContainers")]
    any_set, guaranteed = False, True
    for container in containers:
        requests, limits = dig(container, "resources", "requests") or {}, dig(container, "resources", "limits") or {}
        any_set = any_set or bool(requests or limits)
        for name in ("cpu", "memory"):
            if name not in limits or requests.get(name, limits[name]) != limits[name]:
                guaranteed = False
    if not any_set:
        return "BestEffort"
    return "Guaranteed" if guaranteed else "Burstable"


def pod_status(view: PodView, now: str) -> JsonObject:
    """The whole status object."""
    body: JsonObject = {
        "phase": phase(view),
        "conditions": conditions(view, now),
        "hostIP": view.host_ips[0],
        "hostIPs": [{"ip": ip} for ip in view.host_ips],
        "qosClass": qos_class(view.pod),
        "containerStatuses": [state.to_json() for state in view.states if state.kind == "app"],
    }
    if view.start_time:
        body["startTime"] = view.start_time
    if view.pod_ips:
        body |= {"podIP": view.pod_ips[0], "podIPs": [{"ip": ip} for ip in view.pod_ips]}
    if inits := [state.to_json() for state in view.states if state.kind in ("init", "sidecar")]:
        body["initContainerStatuses"] = inits
    if extra := [state.to_json() for state in view.states if state.kind == "ephemeral"]:
        body["ephemeralContainerStatuses"] = extra
    if view.failure is not None:
        body |= {"reason": view.failure[0], "message": view.failure[1]}
    return body
