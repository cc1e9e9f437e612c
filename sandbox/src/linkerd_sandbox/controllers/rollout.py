"""How many replicas each ReplicaSet of a Deployment shall have next: RollingUpdate and Recreate. PURE.

Source: pkg/controller/deployment (rolling.go, recreate.go, util/deployment_util.go).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from linkerd_kube.objects import JsonObject
from linkerd_sandbox.fields import dig, dig_map


def replicas_of(obj: JsonObject) -> int:
    """spec.replicas; absent means 1."""
    value = dig(obj, "spec", "replicas")
    return 1 if value is None else int(value)


def available_of(replica_set: JsonObject) -> int:
    return int(dig(replica_set, "status", "availableReplicas") or 0)


def scaled_value(value: object, total: int, *, round_up: bool) -> int:
    """A count, or a percentage of `total`."""
    text = str(value)
    if text.endswith("%"):
        exact = int(text[:-1]) * total / 100
        return math.ceil(exact) if round_up else math.floor(exact)
    return int(text)


def bounds(deployment: JsonObject) -> tuple[int, int]:
    """(maxSurge, maxUnavailable) as counts; both 0 would never move, so one may then be unavailable."""
    rolling = dig_map(deployment, "spec", "strategy", "rollingUpdate")
    total = replicas_of(deployment)
    surge = scaled_value(rolling.get("maxSurge", "25%"), total, round_up=True)
    unavailable = scaled_value(rolling.get("maxUnavailable", "25%"), total, round_up=False)
    if surge == 0 and unavailable == 0:
        unavailable = 1
    return surge, min(unavailable, total)


@dataclass(frozen=True, slots=True)
class Sets:
    """A Deployment's ReplicaSets; `old` oldest first."""

    new: JsonObject
    old: Sequence[JsonObject]

    @property
    def all(self) -> list[JsonObject]:
        return [self.new, *self.old]


def new_replicas(deployment: JsonObject, new: int, others: int) -> int:
    """The size of the new set, given its size and that of all others together."""
    wanted = replicas_of(deployment)
    if new >= wanted:
        return wanted
    if dig(deployment, "spec", "strategy", "type") == "Recreate":
        return wanted
    surge, _ = bounds(deployment)
    return min(wanted, new + max(wanted + surge - new - others, 0))


def rolling(deployment: JsonObject, sets: Sets) -> dict[str, int]:
    """Sizes to change, by name: first the new set grows, then old ones shrink as far as availability allows."""
    new, others = replicas_of(sets.new), sum(map(replicas_of, sets.old))
    target = new_replicas(deployment, new, others)
    if target != new:
        return {str(sets.new["metadata"]["name"]): target}
    return _shrink_old(deployment, sets) if others else {}


def _shrink_old(deployment: JsonObject, sets: Sets) -> dict[str, int]:
    _, max_unavailable = bounds(deployment)
    min_available = replicas_of(deployment) - max_unavailable
    new_unavailable = replicas_of(sets.new) - available_of(sets.new)
    total = sum(map(replicas_of, sets.all))
    removable = total - min_available - new_unavailable
    if removable <= 0:
        return {}
    sizes = {str(one["metadata"]["name"]): replicas_of(one) for one in sets.old}
    # unhealthy replicas first: they serve nobody
    left = removable
    for one in sets.old:
        name = str(one["metadata"]["name"])
        cut = min(left, max(sizes[name] - available_of(one), 0))
        sizes[name] -= cut
        left -= cut
    spare = sum(map(available_of, sets.all)) - min_available
    for one in sets.old:
        name = str(one["metadata"]["name"])
        cut = min(max(spare, 0), sizes[name])
        sizes[name] -= cut
        spare -= cut
    return {str(one["metadata"]["name"]): sizes[one["metadata"]["name"]] for one in sets.old if _differs(one, sizes)}


def _differs(one: JsonObject, sizes: dict[str, int]) -> bool:
    return replicas_of(one) != sizes[one["metadata"]["name"]]


def recreate(deployment: JsonObject, sets: Sets, old_pods: int) -> dict[str, int]:
    """Everything old goes before anything new comes; `old_pods` counts pods of old sets that still run or end."""
    if shrink := {str(one["metadata"]["name"]): 0 for one in sets.old if replicas_of(one)}:
        return shrink
    if old_pods or replicas_of(sets.new) == replicas_of(deployment):
        return {}
    return {str(sets.new["metadata"]["name"]): replicas_of(deployment)}
