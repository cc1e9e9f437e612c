"""StatefulSet: pods NAME-0, NAME-1, … with names that last, made and replaced in order. PURE.

Source: pkg/controller/statefulset. Simplified: a pod below `partition` that dies comes back in the new revision.
Absent: volumeClaimTemplates (there are no volumes that last); a set that has them gets a Warning and no pods.
"""

from collections.abc import Sequence
from typing import Final

from linkerd_kube.objects import JsonObject
from linkerd_kube.resources import PODS, STATEFUL_SETS
from linkerd_sandbox.controllers.actions import Action, Create, Delete, Note, Patch, Plan
from linkerd_sandbox.controllers.podstate import available_in, is_ready, is_terminating, short_hash
from linkerd_sandbox.controllers.replicaset import pod_from_template
from linkerd_sandbox.controllers.rollout import replicas_of
from linkerd_sandbox.fields import dig, dig_list, dig_map, labels_of

REVISION: Final = "controller-revision-hash"
_ENDED: Final = ("Succeeded", "Failed")


def revision_of(obj: JsonObject) -> str:
    """The revision's name: NAME-HASH of the pod template."""
    return f"{obj['metadata']['name']}-{short_hash(dig_map(obj, 'spec', 'template'))}"


def ordinal(stateful_set: JsonObject, pod: JsonObject) -> int | None:
    """The number at the end of the pod's name."""
    prefix, _, number = str(pod["metadata"]["name"]).rpartition("-")
    return int(number) if prefix == stateful_set["metadata"]["name"] and number.isdigit() else None


def reconcile(stateful_set: JsonObject, pods: Sequence[JsonObject], now: float) -> Plan:
    """`pods` are those that it controls."""
    numbered = {number: pod for pod in pods if (number := ordinal(stateful_set, pod)) is not None}
    status, again_in = _status(stateful_set, list(numbered.values()), now)
    actions: list[Action] = []
    meta = stateful_set["metadata"]
    if dig_map(stateful_set, "status") != status:
        actions.append(Patch(STATEFUL_SETS, meta["namespace"], meta["name"], {"status": status}, "status"))
    if meta.get("deletionTimestamp"):
        return Plan(actions)
    if dig_list(stateful_set, "spec", "volumeClaimTemplates"):
        message = "volumeClaimTemplates are not implemented in the sandbox: no pod is made"
        return Plan([*actions, Note(stateful_set, "Warning", "FailedCreate", message)])
    return Plan([*actions, *_moves(stateful_set, numbered, now)], again_in)


def _moves(stateful_set: JsonObject, numbered: dict[int, JsonObject], now: float) -> list[Action]:
    """The next step, or with Parallel every step that can be made now."""
    parallel = dig(stateful_set, "spec", "podManagementPolicy") == "Parallel"
    first = int(dig(stateful_set, "spec", "ordinals", "start") or 0)
    wanted = range(first, first + replicas_of(stateful_set))
    moves: list[Action] = []
    for number in wanted:
        pod = numbered.get(number)
        if pod is None:
            body = new_pod(stateful_set, number)
            moves.append(Create(PODS, str(stateful_set["metadata"]["namespace"]), body, stateful_set))
        elif dig(pod, "status", "phase") in _ENDED and not is_terminating(pod):
            moves.append(_delete(pod))
        elif not parallel and not _healthy(stateful_set, pod, now):
            return moves
        if moves and not parallel:
            return moves
    for number in sorted(set(numbered) - set(wanted), reverse=True):
        if not is_terminating(numbered[number]):
            moves.append(_delete(numbered[number]))
            note = f"delete Pod {numbered[number]['metadata']['name']} in StatefulSet"
            moves.append(Note(stateful_set, "Normal", "SuccessfulDelete", f"{note} {_name(stateful_set)} successful"))
        if not parallel:
            return moves
    return moves or _update(stateful_set, numbered, wanted, now)


def _update(stateful_set: JsonObject, numbered: dict[int, JsonObject], wanted: range, now: float) -> list[Action]:
    """A rolling update replaces the highest outdated pod, one at a time."""
    strategy = dig_map(stateful_set, "spec", "updateStrategy")
    if strategy.get("type") == "OnDelete":
        return []
    partition = int(dig(strategy, "rollingUpdate", "partition") or 0)
    revision = revision_of(stateful_set)
    for number in sorted((one for one in wanted if one >= partition), reverse=True):
        pod = numbered[number]
        if labels_of(pod).get(REVISION) != revision:
            return [] if is_terminating(pod) else [_delete(pod)]
        if not _healthy(stateful_set, pod, now):
            return []
    return []


def _name(stateful_set: JsonObject) -> str:
    return str(stateful_set["metadata"]["name"])


def _delete(pod: JsonObject) -> Delete:
    meta = pod["metadata"]
    return Delete(PODS, meta["namespace"], meta["name"], meta["uid"])


def _healthy(stateful_set: JsonObject, pod: JsonObject, now: float) -> bool:
    wait = available_in(pod, int(dig(stateful_set, "spec", "minReadySeconds") or 0), now)
    return not is_terminating(pod) and wait is not None and wait <= 0


def new_pod(stateful_set: JsonObject, number: int) -> JsonObject:
    """Pod NAME-NUMBER, which also is its host name below the governing Service."""
    pod = pod_from_template(stateful_set)
    name = f"{_name(stateful_set)}-{number}"
    del pod["metadata"]["generateName"]
    pod["metadata"]["name"] = name
    pod["metadata"]["labels"] |= {
        "statefulset.kubernetes.io/pod-name": name,
        "apps.kubernetes.io/pod-index": str(number),
        REVISION: revision_of(stateful_set),
    }
    pod["spec"] = {**pod["spec"], "hostname": name}
    if service := dig(stateful_set, "spec", "serviceName"):
        pod["spec"]["subdomain"] = service
    return pod


def _status(stateful_set: JsonObject, pods: Sequence[JsonObject], now: float) -> tuple[JsonObject, float | None]:
    revision = revision_of(stateful_set)
    old = dig_map(stateful_set, "status")
    current = str(old.get("currentRevision") or revision)
    alive = [pod for pod in pods if not is_terminating(pod) and dig(pod, "status", "phase") not in _ENDED]
    min_ready = int(dig(stateful_set, "spec", "minReadySeconds") or 0)
    waits = [wait for pod in alive if (wait := available_in(pod, min_ready, now)) is not None]
    updated = [pod for pod in alive if labels_of(pod).get(REVISION) == revision]
    if len(updated) == replicas_of(stateful_set) == len(pods) and all(map(is_ready, updated)):
        current = revision
    status = {
        "observedGeneration": stateful_set["metadata"].get("generation", 1),
        "replicas": len(pods),
        "readyReplicas": len(waits),
        "availableReplicas": sum(wait <= 0 for wait in waits),
        "currentReplicas": sum(labels_of(pod).get(REVISION) == current for pod in alive),
        "updatedReplicas": len(updated),
        "currentRevision": current,
        "updateRevision": revision,
        "collisionCount": 0,
    }
    kept = {key: value for key, value in old.items() if key not in status}
    return kept | status, min((wait for wait in waits if wait > 0), default=None)
