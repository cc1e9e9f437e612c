"""The scheduler: every pod goes to the one node, unless its nodeSelector says otherwise. PURE but for `bind`."""

from collections.abc import Sequence

from linkerd_kube.client import KubeClient
from linkerd_kube.errors import Conflict, NotFound
from linkerd_kube.objects import JsonObject
from linkerd_kube.resources import PODS
from linkerd_sandbox.controllers.actions import Action, Note, Patch, Plan
from linkerd_sandbox.fields import dig, dig_list, dig_map, labels_of


def choose(pod: JsonObject, nodes: Sequence[JsonObject]) -> JsonObject | None:
    """The first node that the pod may run on."""
    selector = dig_map(pod, "spec", "nodeSelector")
    for node in nodes:
        if not dig(node, "spec", "unschedulable") and selector.items() <= labels_of(node).items():
            return node
    return None


def needs_node(pod: JsonObject) -> bool:
    return not dig(pod, "spec", "nodeName") and not dig(pod, "metadata", "deletionTimestamp")


def refusal(pod: JsonObject, nodes: Sequence[JsonObject], now: str) -> Plan:
    """What to say of a pod that fits nowhere."""
    message = f"0/{len(nodes)} nodes are available: {len(nodes)} node(s) didn't match Pod's node affinity/selector."
    before = next((c for c in dig_list(pod, "status", "conditions") if c.get("type") == "PodScheduled"), None)
    if before is not None and before.get("message") == message:
        return Plan()
    condition = {
        "type": "PodScheduled",
        "status": "False",
        "reason": "Unschedulable",
        "message": message,
        "lastTransitionTime": now,
    }
    meta = pod["metadata"]
    actions: list[Action] = [
        Note(pod, "Warning", "FailedScheduling", message),
        Patch(PODS, meta["namespace"], meta["name"], {"status": {"conditions": [condition]}}, "status"),
    ]
    return Plan(actions)


async def bind(client: KubeClient, pod: JsonObject, node: str) -> Plan:
    """Binds the pod; nothing to do where it is gone or bound already. Raises ApiError."""
    meta = pod["metadata"]
    body: JsonObject = {
        "apiVersion": "v1",
        "kind": "Binding",
        "metadata": {"name": meta["name"], "namespace": meta["namespace"], "uid": meta["uid"]},
        "target": {"apiVersion": "v1", "kind": "Node", "name": node},
    }
    try:
        await client.create(PODS.path(meta["namespace"], meta["name"], "binding"), body)
    except (NotFound, Conflict):
        return Plan()
    message = f"Successfully assigned {meta['namespace']}/{meta['name']} to {node}"
    return Plan([Note(pod, "Normal", "Scheduled", message)])
