"""PodDisruptionBudget: how many pods an eviction may take now. PURE.

Source: pkg/controller/disruption. The API server refuses an eviction while `disruptionsAllowed` is 0.
"""

from collections.abc import Callable, Sequence

from linkerd_kube.objects import JsonObject
from linkerd_kube.resources import POD_DISRUPTION_BUDGETS
from linkerd_sandbox.controllers.actions import Patch, Plan
from linkerd_sandbox.controllers.podstate import is_active, is_ready
from linkerd_sandbox.controllers.rollout import scaled_value
from linkerd_sandbox.fields import dig, dig_list, dig_map, labels_of


def selects(budget: JsonObject, pod: JsonObject) -> bool:
    """Whether the budget is about a pod; an empty selector is about every pod of the namespace."""
    selector = dig(budget, "spec", "selector")
    if selector is None:
        return False
    labels = labels_of(pod)
    if not dig_map(selector, "matchLabels").items() <= labels.items():
        return False
    return all(_expression(one, labels) for one in dig_list(selector, "matchExpressions"))


def _expression(expression: JsonObject, labels: dict[str, str]) -> bool:
    key, values = str(expression.get("key")), expression.get("values") or []
    match expression.get("operator"):
        case "In":
            return labels.get(key) in values
        case "NotIn":
            return labels.get(key) not in values
        case "Exists":
            return key in labels
        case _:
            return key not in labels


def reconcile(budget: JsonObject, pods: Sequence[JsonObject], expected: Callable[[JsonObject], int | None]) -> Plan:
    """`pods` are those of the namespace; `expected` tells a controlled pod's controller's replicas."""
    chosen = [pod for pod in pods if is_active(pod) and selects(budget, pod)]
    healthy = sum(map(is_ready, chosen))
    total = _expected(chosen, expected)
    spec = dig_map(budget, "spec")
    if "maxUnavailable" in spec:
        wanted = max(total - scaled_value(spec["maxUnavailable"], total, round_up=True), 0)
    else:
        minimum = spec.get("minAvailable", 1)
        wanted = scaled_value(minimum, total, round_up=True)
        if not str(minimum).endswith("%"):
            total = len(chosen)
    allowed = max(healthy - wanted, 0) if total else 0
    status: JsonObject = {
        "observedGeneration": budget["metadata"].get("generation", 1),
        "disruptionsAllowed": allowed,
        "currentHealthy": healthy,
        "desiredHealthy": wanted,
        "expectedPods": total,
    }
    old = dig_map(budget, "status")
    if status.items() <= old.items():
        return Plan()
    meta = budget["metadata"]
    return Plan([Patch(POD_DISRUPTION_BUDGETS, meta["namespace"], meta["name"], {"status": status}, "status")])


def _expected(pods: Sequence[JsonObject], expected: Callable[[JsonObject], int | None]) -> int:
    """Replicas of the pods' controllers, each once; a pod that nobody controls counts itself."""
    total, seen = 0, set[str]()
    for pod in pods:
        owner = next((one for one in dig_list(pod, "metadata", "ownerReferences") if one.get("controller")), None)
        count = expected(owner) if owner is not None else None
        if owner is None or count is None:
            total += 1
        elif owner["uid"] not in seen:
            seen.add(owner["uid"])
            total += count
    return total
