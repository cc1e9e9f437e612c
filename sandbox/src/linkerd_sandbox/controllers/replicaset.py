"""ReplicaSet: as many pods as it says, and their count in its status. PURE.

Source: pkg/controller/replicaset. Not here: adoption of pods that nobody controls.
"""

from collections.abc import Sequence
from typing import Final

from linkerd_kube.objects import JsonObject
from linkerd_kube.resources import PODS, REPLICA_SETS
from linkerd_sandbox.controllers.actions import Action, Create, Delete, Note, Patch, Plan, controller_reference
from linkerd_sandbox.controllers.podstate import available_in, is_active, is_ready, seconds_of
from linkerd_sandbox.fields import dig, dig_list, dig_map, labels_of

_BURST: Final = 500
_PHASES: Final = {"Pending": 0, "Unknown": 1, "Running": 2}


def reconcile(replica_set: JsonObject, pods: Sequence[JsonObject], now: float) -> Plan:
    """`pods` are those that it controls."""
    active = [pod for pod in pods if is_active(pod)]
    wanted = dig(replica_set, "spec", "replicas")
    wanted = 1 if wanted is None else int(wanted)
    actions: list[Action] = []
    if not dig(replica_set, "metadata", "deletionTimestamp"):
        if len(active) < wanted:
            new_pod = pod_from_template(replica_set)
            namespace = str(replica_set["metadata"]["namespace"])
            actions += [Create(PODS, namespace, new_pod, replica_set) for _ in range(min(wanted - len(active), _BURST))]
        elif len(active) > wanted:
            for pod in sorted(active, key=deletion_rank)[: len(active) - wanted]:
                meta = pod["metadata"]
                actions.append(Delete(PODS, meta["namespace"], meta["name"], meta["uid"]))
                message = f"Deleted pod: {meta['name']}"
                actions.append(Note(replica_set, "Normal", "SuccessfulDelete", message))
    status, again_in = status_of(replica_set, active, now)
    if dig_map(replica_set, "status") != status:
        meta = replica_set["metadata"]
        actions.insert(0, Patch(REPLICA_SETS, meta["namespace"], meta["name"], {"status": status}, "status"))
    return Plan(actions, again_in)


def pod_from_template(owner: JsonObject) -> JsonObject:
    """A pod as the template says, controlled by `owner`; the API server completes its name."""
    template = dig_map(owner, "spec", "template")
    meta = dig_map(template, "metadata")
    name = str(owner["metadata"]["name"])
    new_meta: JsonObject = {
        "generateName": f"{name}-",
        "namespace": owner["metadata"]["namespace"],
        "labels": dict(meta.get("labels") or {}),
        "annotations": dict(meta.get("annotations") or {}),
        "ownerReferences": [controller_reference(owner)],
    }
    if finalizers := meta.get("finalizers"):
        new_meta["finalizers"] = list(finalizers)
    return {"apiVersion": "v1", "kind": "Pod", "metadata": new_meta, "spec": template["spec"]}


def deletion_rank(pod: JsonObject) -> tuple[int, int, int, int, int, float]:
    """Who goes first: not placed, not running, not ready, cheap by annotation, restarted most, youngest."""
    statuses = dig_list(pod, "status", "containerStatuses")
    restarts = max((int(status.get("restartCount", 0)) for status in statuses), default=0)
    annotations = dig_map(pod, "metadata", "annotations")
    cost = str(annotations.get("controller.kubernetes.io/pod-deletion-cost", "0"))
    return (
        1 if dig(pod, "spec", "nodeName") else 0,
        _PHASES.get(str(dig(pod, "status", "phase") or "Pending"), 1),
        1 if is_ready(pod) else 0,
        int(cost) if cost.lstrip("-").isdigit() else 0,
        -restarts,
        -seconds_of(str(dig(pod, "metadata", "creationTimestamp") or "1970-01-01T00:00:00Z")),
    )


def status_of(replica_set: JsonObject, active: Sequence[JsonObject], now: float) -> tuple[JsonObject, float | None]:
    """The status, and in how many seconds another pod becomes available by time alone."""
    min_ready = int(dig(replica_set, "spec", "minReadySeconds") or 0)
    waits = [available_in(pod, min_ready, now) for pod in active]
    pending = [wait for wait in waits if wait is not None and wait > 0]
    template_labels = dig_map(replica_set, "spec", "template", "metadata", "labels")
    labelled = [pod for pod in active if template_labels.items() <= labels_of(pod).items()]
    status: JsonObject = {"replicas": len(active), "observedGeneration": replica_set["metadata"].get("generation", 1)}
    counts = {
        "fullyLabeledReplicas": len(labelled),
        "readyReplicas": sum(wait is not None for wait in waits),
        "availableReplicas": sum(wait is not None and wait <= 0 for wait in waits),
    }
    old = dig_map(replica_set, "status")
    for name, value in counts.items():
        if value or name in old:
            status[name] = value
    kept = {key: value for key, value in old.items() if key not in status}
    return kept | status, min(pending, default=None)
