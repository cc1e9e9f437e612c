"""The scheduler: a pod goes to the first node that it may run on. PURE but for `bind`.

Heeded: cordoned nodes, nodeSelector, required node affinity, taints. There is one node, so nothing is weighed.
"""

from collections import Counter
from collections.abc import Mapping, Sequence

from linkerd_kube.client import KubeClient
from linkerd_kube.errors import Conflict, NotFound
from linkerd_kube.objects import JsonObject
from linkerd_kube.resources import PODS
from linkerd_sandbox.controllers.actions import Action, Note, Patch, Plan
from linkerd_sandbox.fields import dig, dig_list, dig_map, labels_of

_REPELS = ("NoSchedule", "NoExecute")


def choose(pod: JsonObject, nodes: Sequence[JsonObject]) -> JsonObject | None:
    """The first node that the pod may run on."""
    return next((node for node in nodes if not objection(pod, node)), None)


def objection(pod: JsonObject, node: JsonObject) -> str:
    """Why the pod may not run on the node, in the scheduler's words; empty where it may."""
    tolerations = dig_list(pod, "spec", "tolerations")
    cordoned = {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}
    if dig(node, "spec", "unschedulable") and not any(_tolerates(one, cordoned) for one in tolerations):
        return "node(s) were unschedulable"
    labels = labels_of(node)
    if not dig_map(pod, "spec", "nodeSelector").items() <= labels.items() or not _near(pod, node):
        return "node(s) didn't match Pod's node affinity/selector"
    for taint in dig_list(node, "spec", "taints"):
        if taint.get("effect") in _REPELS and not any(_tolerates(one, taint) for one in tolerations):
            return f"node(s) had untolerated taint {{{taint.get('key')}: {taint.get('value') or ''}}}"
    return ""


def _tolerates(toleration: JsonObject, taint: JsonObject) -> bool:
    if toleration.get("effect") not in (None, "", taint.get("effect")):
        return False
    if toleration.get("key") not in (None, "", taint.get("key")):
        return False
    if toleration.get("operator") == "Exists":
        return True
    return bool(toleration.get("key")) and (toleration.get("value") or "") == (taint.get("value") or "")


def _near(pod: JsonObject, node: JsonObject) -> bool:
    """Whether one of the required terms of the pod's node affinity fits, or there is none."""
    path = ("spec", "affinity", "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution")
    required = dig(pod, *path)
    if required is None:
        return True
    fields = {"metadata.name": str(dig(node, "metadata", "name"))}
    return any(
        _fits(dig_list(term, "matchExpressions"), labels_of(node)) and _fits(dig_list(term, "matchFields"), fields)
        for term in dig_list(required, "nodeSelectorTerms")
        if term.get("matchExpressions") or term.get("matchFields")
    )


def _fits(expressions: Sequence[JsonObject], values: Mapping[str, str]) -> bool:
    return all(_expression(one, values.get(str(one.get("key")))) for one in expressions)


def _expression(expression: JsonObject, value: str | None) -> bool:
    wanted = dig_list(expression, "values")
    match expression.get("operator"):
        case "In":
            return value in wanted
        case "NotIn":
            return value not in wanted
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None
        case "Gt" | "Lt" as operator:
            if value is None or not value.lstrip("-").isdigit() or not wanted:
                return False
            return int(value) > int(wanted[0]) if operator == "Gt" else int(value) < int(wanted[0])
        case _:
            return False


def needs_node(pod: JsonObject) -> bool:
    return not dig(pod, "spec", "nodeName") and not dig(pod, "metadata", "deletionTimestamp")


def refusal(pod: JsonObject, nodes: Sequence[JsonObject], now: str) -> Plan:
    """What to say of a pod that fits nowhere."""
    reasons = Counter(objection(pod, node) for node in nodes)
    listed = ", ".join(f"{count} {reason}" for reason, count in sorted(reasons.items()))
    message = f"0/{len(nodes)} nodes are available: {listed}."
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
