"""DaemonSet: one pod on every node that it selects. PURE.

Source: pkg/controller/daemon. Simplified: a pod names its node from the start (Kubernetes pins it by affinity), so no
taint keeps it away; a rolling update replaces as many pods at a time as `maxUnavailable` says.
"""

from collections.abc import Sequence
from typing import Final

from linkerd_kube.objects import JsonObject
from linkerd_kube.resources import DAEMON_SETS, PODS
from linkerd_sandbox.controllers.actions import Action, Create, Delete, Note, Patch, Plan
from linkerd_sandbox.controllers.podstate import available_in, is_terminating, short_hash
from linkerd_sandbox.controllers.replicaset import pod_from_template
from linkerd_sandbox.controllers.rollout import scaled_value
from linkerd_sandbox.fields import dig, dig_map, labels_of

REVISION: Final = "controller-revision-hash"
_GENERATION: Final = "pod-template-generation"


def reconcile(daemon_set: JsonObject, pods: Sequence[JsonObject], nodes: Sequence[JsonObject], now: float) -> Plan:
    """`pods` are those that it controls."""
    selector = dig_map(daemon_set, "spec", "template", "spec", "nodeSelector")
    wanted = [str(node["metadata"]["name"]) for node in nodes if selector.items() <= labels_of(node).items()]
    by_node: dict[str, list[JsonObject]] = {}
    for pod in pods:
        by_node.setdefault(str(dig(pod, "spec", "nodeName")), []).append(pod)
    actions: list[Action] = []
    if not dig(daemon_set, "metadata", "deletionTimestamp"):
        for node in wanted:
            actions += _on_node(daemon_set, node, by_node.get(node, []))
        actions += [_delete(pod) for node, found in by_node.items() if node not in wanted for pod in found]
        if not actions:
            actions += _update(daemon_set, pods, len(wanted), now)
    status, again_in = _status(daemon_set, by_node, wanted, now)
    if dig_map(daemon_set, "status") != status:
        meta = daemon_set["metadata"]
        actions.insert(0, Patch(DAEMON_SETS, meta["namespace"], meta["name"], {"status": status}, "status"))
    return Plan(actions, again_in)


def _on_node(daemon_set: JsonObject, node: str, pods: Sequence[JsonObject]) -> list[Action]:
    ended = [pod for pod in pods if dig(pod, "status", "phase") in ("Succeeded", "Failed") and not is_terminating(pod)]
    actions: list[Action] = [_delete(pod) for pod in ended]
    for pod in ended:
        message = f"Found failed daemon pod {pod['metadata']['namespace']}/{pod['metadata']['name']} on node {node}"
        actions.append(Note(daemon_set, "Warning", "FailedDaemonPod", f"{message}, will try to kill it"))
    if not pods:
        actions.append(Create(PODS, str(daemon_set["metadata"]["namespace"]), new_pod(daemon_set, node), daemon_set))
    return actions


def _delete(pod: JsonObject) -> Delete:
    meta = pod["metadata"]
    return Delete(PODS, meta["namespace"], meta["name"], meta["uid"])


def revision_of(daemon_set: JsonObject) -> str:
    """The hash of the pod template."""
    return short_hash(dig_map(daemon_set, "spec", "template"))


def new_pod(daemon_set: JsonObject, node: str) -> JsonObject:
    """A pod for a node."""
    pod = pod_from_template(daemon_set)
    generation = str(daemon_set["metadata"].get("generation", 1))
    pod["metadata"]["labels"] |= {REVISION: revision_of(daemon_set), _GENERATION: generation}
    pod["spec"] = {**pod["spec"], "nodeName": node}
    return pod


def _update(daemon_set: JsonObject, pods: Sequence[JsonObject], total: int, now: float) -> list[Action]:
    strategy = dig_map(daemon_set, "spec", "updateStrategy")
    if strategy.get("type") == "OnDelete":
        return []
    allowed = scaled_value(dig(strategy, "rollingUpdate", "maxUnavailable") or 1, total, round_up=True)
    min_ready = int(dig(daemon_set, "spec", "minReadySeconds") or 0)
    revision, outdated = revision_of(daemon_set), []
    for pod in pods:
        if is_terminating(pod):
            allowed -= 1
        elif labels_of(pod).get(REVISION) != revision:
            outdated.append(pod)
        elif (wait := available_in(pod, min_ready, now)) is None or wait > 0:
            allowed -= 1
    return [_delete(pod) for pod in outdated[: max(allowed, 0)]]


def _status(
    daemon_set: JsonObject, by_node: dict[str, list[JsonObject]], wanted: Sequence[str], now: float
) -> tuple[JsonObject, float | None]:
    alive = [pod for node in wanted for pod in by_node.get(node, ())[:1] if not is_terminating(pod)]
    min_ready = int(dig(daemon_set, "spec", "minReadySeconds") or 0)
    waits = [wait for pod in alive if (wait := available_in(pod, min_ready, now)) is not None]
    available = sum(wait <= 0 for wait in waits)
    revision = revision_of(daemon_set)
    counts = {
        "currentNumberScheduled": len(alive),
        "desiredNumberScheduled": len(wanted),
        "numberMisscheduled": sum(len(pods) for node, pods in by_node.items() if node not in wanted),
        "numberReady": len(waits),
        "observedGeneration": daemon_set["metadata"].get("generation", 1),
        "updatedNumberScheduled": sum(labels_of(pod).get(REVISION) == revision for pod in alive),
        "numberAvailable": available,
        "numberUnavailable": len(wanted) - available,
    }
    required = ("currentNumberScheduled", "desiredNumberScheduled", "numberMisscheduled", "numberReady")
    old = dig_map(daemon_set, "status")
    status = {key: value for key, value in counts.items() if value or key in required or key in old}
    kept = {key: value for key, value in old.items() if key not in counts}
    return kept | status, min((wait for wait in waits if wait > 0), default=None)
