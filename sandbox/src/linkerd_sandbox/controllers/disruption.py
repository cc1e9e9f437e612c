"""PodDisruptionBudget: how many pods an eviction may take now. PURE.

Source: pkg/controller/disruption. The API server refuses an eviction while `disruptionsAllowed` is 0.
"""

from collections.abc import Callable, Sequence
from typing import Final

from linkerd_kube.objects import JsonObject
from linkerd_kube.resources import POD_DISRUPTION_BUDGETS
from linkerd_sandbox.controllers.actions import Patch, Plan
from linkerd_sandbox.controllers.podstate import is_active, is_ready, seconds_of
from linkerd_sandbox.controllers.rollout import scaled_value
from linkerd_sandbox.fields import dig, dig_list, dig_map, labels_of
from linkerd_sandbox.fields import selects as selector_matches

_GOING_SECONDS: Final = 120.0


def selects(budget: JsonObject, pod: JsonObject) -> bool:
    """Whether the budget is about a pod; an empty selector is about every pod of the namespace."""
    selector = dig(budget, "spec", "selector")
    return selector is not None and selector_matches(selector, labels_of(pod))


def reconcile(
    budget: JsonObject, pods: Sequence[JsonObject], expected: Callable[[JsonObject], int | None], now: float
) -> Plan:
    """`pods` are those of the namespace; `expected` tells a controlled pod's controller's replicas.

    A pod whose eviction was allowed counts as gone already, for two minutes at most.
    """
    chosen = [pod for pod in pods if is_active(pod) and selects(budget, pod)]
    going = _going(budget, chosen, now)
    healthy = sum(is_ready(pod) and pod["metadata"]["name"] not in going for pod in chosen)
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
    again_in = min((seconds_of(str(since)) + _GOING_SECONDS - now for since in going.values()), default=None)
    old = dig_map(budget, "status")
    gone = {name: None for name in dig_map(old, "disruptedPods") if name not in going}
    if status.items() <= old.items() and not gone:
        return Plan((), again_in)
    if gone:
        status["disruptedPods"] = gone
    meta = budget["metadata"]
    # based on what was seen: an eviction that came between has counted one off, and is not to be forgotten
    body: JsonObject = {"metadata": {"resourceVersion": meta["resourceVersion"]}, "status": status}
    return Plan([Patch(POD_DISRUPTION_BUDGETS, meta["namespace"], meta["name"], body, "status")], again_in)


def _going(budget: JsonObject, pods: Sequence[JsonObject], now: float) -> JsonObject:
    """Pods whose eviction was allowed and that are still there, and since when."""
    there = {pod["metadata"]["name"] for pod in pods}
    since = dig_map(budget, "status", "disruptedPods")
    return {
        name: time for name, time in since.items() if name in there and now < seconds_of(str(time)) + _GOING_SECONDS
    }


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
