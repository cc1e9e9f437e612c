"""Deployment: a ReplicaSet a template, moved from one to the next; revisions, history, conditions, status. PURE.

Source: pkg/controller/deployment. `kubectl rollout status|history|undo` read what is written here. Not here:
proportional scaling in the middle of a rollout (the new set takes the difference).
"""

from collections.abc import Sequence
from typing import Final

from linkerd_kube.objects import JsonObject
from linkerd_kube.resources import DEPLOYMENTS, REPLICA_SETS
from linkerd_sandbox.controllers import rollout
from linkerd_sandbox.controllers.actions import Action, Create, Delete, Note, Patch, Plan, controller_reference
from linkerd_sandbox.controllers.podstate import seconds_of, short_hash
from linkerd_sandbox.controllers.rollout import Sets, available_of, replicas_of
from linkerd_sandbox.fields import dig, dig_list, dig_map

REVISION: Final = "deployment.kubernetes.io/revision"
_DESIRED: Final = "deployment.kubernetes.io/desired-replicas"
_MAX: Final = "deployment.kubernetes.io/max-replicas"
_HASH: Final = "pod-template-hash"
_SKIPPED: Final = {"kubectl.kubernetes.io/last-applied-configuration", REVISION, _DESIRED, _MAX}
_CONDITION_ORDER: Final = ("Available", "Progressing")


def reconcile(deployment: JsonObject, owned: Sequence[JsonObject], old_pods: int, now: str) -> Plan:
    """`owned` are its ReplicaSets, `old_pods` how many pods the old ones have in any state, `now` RFC 3339."""
    if dig(deployment, "metadata", "deletionTimestamp"):
        return Plan()
    new = find_new(deployment, owned)
    old = sorted((one for one in owned if one is not new), key=_age)
    if new is None:
        if dig(deployment, "spec", "paused"):
            return Plan(_status_actions(deployment, None, old, now)[0])
        body = _new_set(deployment, old)
        actions: list[Action] = [Create(REPLICA_SETS, deployment["metadata"]["namespace"], body)]
        if size := replicas_of(body):
            message = f"Scaled up replica set {body['metadata']['name']} from 0 to {size}"
            actions.append(Note(deployment, "Normal", "ScalingReplicaSet", message))
        return Plan([*actions, *_revision(deployment, body)])
    sets = Sets(new, old)
    actions = [*_renumber(deployment, sets), *_revision(deployment, new, sets)]
    for name, size in _sizes(deployment, sets, old_pods).items():
        actions += _scale(deployment, next(one for one in sets.all if one["metadata"]["name"] == name), size)
    status, complete, again_in = _status_actions(deployment, new, old, now)
    if complete:
        actions += _history(deployment, old)
    return Plan([*actions, *status], again_in)


def _age(replica_set: JsonObject) -> tuple[str, str]:
    return str(replica_set["metadata"].get("creationTimestamp", "")), str(replica_set["metadata"]["name"])


def _without_hash(template: JsonObject) -> JsonObject:
    meta = dict(dig_map(template, "metadata"))
    labels = {key: value for key, value in (meta.pop("labels", None) or {}).items() if key != _HASH}
    meta.pop("creationTimestamp", None)
    return dict(template) | {"metadata": meta | ({"labels": labels} if labels else {})}


def find_new(deployment: JsonObject, owned: Sequence[JsonObject]) -> JsonObject | None:
    """The set with the Deployment's template; the oldest where there are several."""
    template = _without_hash(deployment["spec"]["template"])
    same = [one for one in owned if _without_hash(one["spec"]["template"]) == template]
    return min(same, key=_age, default=None)


def _number(replica_set: JsonObject) -> int:
    text = str(dig_map(replica_set, "metadata", "annotations").get(REVISION, "0"))
    return int(text) if text.isdigit() else 0


def _max_replicas(deployment: JsonObject) -> int:
    if dig(deployment, "spec", "strategy", "type") == "Recreate":
        return replicas_of(deployment)
    return replicas_of(deployment) + rollout.bounds(deployment)[0]


def _annotations(deployment: JsonObject, revision: int) -> dict[str, str]:
    own = dig_map(deployment, "metadata", "annotations")
    kept = {key: value for key, value in own.items() if key not in _SKIPPED}
    sizes = {_DESIRED: str(replicas_of(deployment)), _MAX: str(_max_replicas(deployment))}
    return kept | sizes | {REVISION: str(revision)}


def _new_set(deployment: JsonObject, old: Sequence[JsonObject]) -> JsonObject:
    spec, meta = deployment["spec"], deployment["metadata"]
    template = _without_hash(spec["template"])
    value = short_hash(template, str(dig(deployment, "status", "collisionCount") or ""))
    labels = dict(dig_map(template, "metadata", "labels")) | {_HASH: value}
    template["metadata"] = dict(template["metadata"]) | {"labels": labels}
    selector = dict(spec["selector"])
    selector["matchLabels"] = dict(selector.get("matchLabels") or {}) | {_HASH: value}
    others = sum(map(replicas_of, old))
    size = rollout.new_replicas(deployment, 0, others)
    if others and dig(spec, "strategy", "type") == "Recreate":
        size = 0
    body: JsonObject = {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": {
            "name": f"{meta['name']}-{value}",
            "namespace": meta["namespace"],
            "labels": labels,
            "annotations": _annotations(deployment, max(map(_number, old), default=0) + 1),
            "ownerReferences": [controller_reference(deployment)],
        },
        "spec": {"replicas": size, "selector": selector, "template": template},
    }
    if min_ready := spec.get("minReadySeconds"):
        body["spec"]["minReadySeconds"] = min_ready
    return body


def _renumber(deployment: JsonObject, sets: Sets) -> list[Action]:
    """A set that is new again (undo) gets the next revision; sizes in the annotations follow the Deployment's."""
    newest = max(map(_number, sets.old), default=0)
    revision = _number(sets.new) if _number(sets.new) > newest else newest + 1
    wanted = _annotations(deployment, revision)
    have = dig_map(sets.new, "metadata", "annotations")
    if wanted.items() <= have.items():
        return []
    meta = sets.new["metadata"]
    return [Patch(REPLICA_SETS, meta["namespace"], meta["name"], {"metadata": {"annotations": wanted}})]


def _revision(deployment: JsonObject, new: JsonObject, sets: Sets | None = None) -> list[Action]:
    """The Deployment carries its current revision."""
    revision = _number(new)
    if sets is not None:
        newest = max(map(_number, sets.old), default=0)
        revision = revision if revision > newest else newest + 1
    meta = deployment["metadata"]
    if dig_map(meta, "annotations").get(REVISION) == str(revision):
        return []
    body = {"metadata": {"annotations": {REVISION: str(revision)}}}
    return [Patch(DEPLOYMENTS, meta["namespace"], meta["name"], body)]


def _sizes(deployment: JsonObject, sets: Sets, old_pods: int) -> dict[str, int]:
    if dig(deployment, "spec", "paused"):
        active = [one for one in sets.all if replicas_of(one)]
        if len(active) == 1 and replicas_of(active[0]) != replicas_of(deployment):
            return {str(active[0]["metadata"]["name"]): replicas_of(deployment)}
        return {}
    if dig(deployment, "spec", "strategy", "type") == "Recreate":
        return rollout.recreate(deployment, sets, old_pods)
    return rollout.rolling(deployment, sets)


def _scale(deployment: JsonObject, replica_set: JsonObject, size: int) -> list[Action]:
    meta, before = replica_set["metadata"], replicas_of(replica_set)
    direction = "up" if size > before else "down"
    message = f"Scaled {direction} replica set {meta['name']} from {before} to {size}"
    return [
        Patch(REPLICA_SETS, meta["namespace"], meta["name"], {"spec": {"replicas": size}}),
        Note(deployment, "Normal", "ScalingReplicaSet", message),
    ]


def _history(deployment: JsonObject, old: Sequence[JsonObject]) -> list[Action]:
    limit = dig(deployment, "spec", "revisionHistoryLimit")
    limit = 10 if limit is None else int(limit)
    idle = [one for one in old if not replicas_of(one) and not dig(one, "status", "replicas")]
    spare = sorted(idle, key=_number)[: max(len(old) - limit, 0)]
    metas = [one["metadata"] for one in spare]
    return [Delete(REPLICA_SETS, meta["namespace"], meta["name"], meta["uid"]) for meta in metas]


def _status_actions(
    deployment: JsonObject, new: JsonObject | None, old: Sequence[JsonObject], now: str
) -> tuple[list[Action], bool, float | None]:
    """The status patch where it differs, whether the rollout is complete, and when its deadline passes."""
    status = _counts(deployment, new, old)
    wanted = replicas_of(deployment)
    complete = (
        status.get("updatedReplicas", 0) == wanted
        and status.get("replicas", 0) == wanted
        and status.get("availableReplicas", 0) == wanted
    )
    progress, again_in = _progressing(deployment, new, status, complete, now)
    conditions = _merged(deployment, [_available(deployment, status), *progress], now)
    status["conditions"] = conditions
    if dig_map(deployment, "status") == status:
        return [], complete, again_in
    meta = deployment["metadata"]
    return [Patch(DEPLOYMENTS, meta["namespace"], meta["name"], {"status": status}, "status")], complete, again_in


def _counts(deployment: JsonObject, new: JsonObject | None, old: Sequence[JsonObject]) -> JsonObject:
    everything = [*([new] if new is not None else []), *old]
    total = sum(replicas_of(one) for one in everything)
    available = sum(map(available_of, everything))
    counts = {
        "replicas": sum(int(dig(one, "status", "replicas") or 0) for one in everything),
        "updatedReplicas": int(dig(new, "status", "replicas") or 0),
        "readyReplicas": sum(int(dig(one, "status", "readyReplicas") or 0) for one in everything),
        "availableReplicas": available,
        "unavailableReplicas": max(total - available, 0),
    }
    before = dig_map(deployment, "status")
    status: JsonObject = {"observedGeneration": deployment["metadata"].get("generation", 1)}
    status |= {name: value for name, value in counts.items() if value or name in before}
    if "collisionCount" in before:
        status["collisionCount"] = before["collisionCount"]
    return status


Condition = tuple[str, str, str, str, bool]
"""(type, status, reason, message, whether it was confirmed now, though nothing of it may have changed)"""


def _available(deployment: JsonObject, status: JsonObject) -> Condition:
    wanted = replicas_of(deployment)
    recreate = dig(deployment, "spec", "strategy", "type") == "Recreate"
    allowed = 0 if recreate else rollout.bounds(deployment)[1]
    if status.get("availableReplicas", 0) >= wanted - allowed:
        return "Available", "True", "MinimumReplicasAvailable", "Deployment has minimum availability.", False
    return "Available", "False", "MinimumReplicasUnavailable", "Deployment does not have minimum availability.", False


def _progressing(
    deployment: JsonObject, new: JsonObject | None, status: JsonObject, complete: bool, now: str
) -> tuple[list[Condition], float | None]:
    if dig(deployment, "spec", "paused"):
        return [("Progressing", "Unknown", "DeploymentPaused", "Deployment is paused", False)], None
    name = new["metadata"]["name"] if new is not None else ""
    if complete:
        message = f'ReplicaSet "{name}" has successfully progressed.'
        return [("Progressing", "True", "NewReplicaSetAvailable", message, False)], None
    before = dig_map(deployment, "status")
    moved = any(
        status.get(field, 0) > before.get(field, 0)
        for field in ("updatedReplicas", "readyReplicas", "availableReplicas")
    ) or status.get("replicas", 0) - status.get("updatedReplicas", 0) < before.get("replicas", 0) - before.get(
        "updatedReplicas", 0
    )
    last = next((c for c in dig_list(before, "conditions") if c.get("type") == "Progressing"), None)
    progressing: Condition = ("Progressing", "True", "ReplicaSetUpdated", f'ReplicaSet "{name}" is progressing.', True)
    deadline = float(dig(deployment, "spec", "progressDeadlineSeconds") or 600)
    restarted = status["observedGeneration"] != before.get("observedGeneration")
    if last is None or moved or restarted or last.get("reason") == "NewReplicaSetAvailable":
        return [progressing], deadline + 1
    left = seconds_of(str(last.get("lastUpdateTime"))) + deadline - seconds_of(now)
    if left > 0 and last.get("reason") != "ProgressDeadlineExceeded":
        return [("Progressing", str(last["status"]), str(last["reason"]), str(last["message"]), False)], left + 1
    message = f'ReplicaSet "{name}" has timed out progressing.'
    return [("Progressing", "False", "ProgressDeadlineExceeded", message, False)], None


def _merged(deployment: JsonObject, wanted: Sequence[Condition], now: str) -> list[JsonObject]:
    """Times stay where nothing changed; Progressing's update time moves with every step of progress."""
    old = {str(c.get("type")): c for c in dig_list(deployment, "status", "conditions")}
    result: list[JsonObject] = []
    for kind, status, reason, message, confirmed in sorted(wanted, key=lambda c: _CONDITION_ORDER.index(c[0])):
        before = old.get(kind, {})
        same = (before.get("status"), before.get("reason"), before.get("message")) == (status, reason, message)
        flipped = before.get("status") != status
        result.append({
            "type": kind,
            "status": status,
            "reason": reason,
            "message": message,
            "lastUpdateTime": before["lastUpdateTime"] if same and not confirmed else now,
            "lastTransitionTime": now if flipped else before["lastTransitionTime"],
        })  # fmt: skip
    return result
