"""Eviction: the deletion of a pod that asks its disruption budget first.

As k8s.io/kubernetes/pkg/registry/core/pod/storage/eviction.go. What an eviction takes it takes from the budget's status
at once, so that two that come together cannot both have the last disruption that is allowed.
"""

import time

from linkerd_sandbox.apiserver import lifecycle, selectors
from linkerd_sandbox.apiserver.call import Call
from linkerd_sandbox.apiserver.kinds import ResourceType
from linkerd_sandbox.apiserver.objects import JsonObject, copy, dig, dig_list, dig_map
from linkerd_sandbox.apiserver.requests import RequestInfo
from linkerd_sandbox.apiserver.resources import Resources, stamp
from linkerd_sandbox.apiserver.status import Cause, StatusError, bad_request, too_many_requests

_REFUSED = "Cannot evict pod as it would violate the pod's disruption budget."
_BUDGETS = "poddisruptionbudgets.policy"
_NOT_COUNTED = ("Succeeded", "Failed", "Pending")
_NOT_YET_SECONDS = 10


class Eviction:
    """Evicts pods."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources

    async def evict(self, call: Call, kind: ResourceType, info: RequestInfo, body: JsonObject) -> None:
        """Delete the pod. Raises `StatusError`: 404, 409, 429 where the budget does not allow it now."""
        if (dig(body, "metadata", "name") or info.name) != info.name:
            raise bad_request("name in URL does not match name in Eviction object")
        options = dig_map(body, "deleteOptions")
        call.dry_run = call.dry_run or dig_list(options, "dryRun") == ["All"]
        pod = self._resources.get(kind, info.namespace, info.name).body
        lifecycle.check_preconditions(kind, pod, options)
        if dig(pod, "status", "phase") not in _NOT_COUNTED and not dig(pod, "metadata", "deletionTimestamp"):
            await self._ask(call, pod)
        await self._resources.delete(call, kind, info.namespace, info.name, options)

    async def _ask(self, call: Call, pod: JsonObject) -> None:
        meta = pod["metadata"]
        budgets = [
            item.body
            for item in self._resources.store.scan(_BUDGETS, meta["namespace"])
            if selectors.matches(
                selectors.from_object(dig_map(item.body, "spec", "selector")), meta.get("labels") or {}
            )
        ]
        if len(budgets) > 1:
            why = "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support."
            raise StatusError(500, "InternalError", why, {})
        if not budgets or not takes(budgets[0], pod):
            return
        kind = self._resources.registry.find("policy", "v1", "poddisruptionbudgets")
        assert kind is not None
        moment = stamp(time.time())
        await self._resources.change(
            call, kind, meta["namespace"], budgets[0]["metadata"]["name"], lambda old: taken(old, pod, moment), "status"
        )


def _ready(pod: JsonObject) -> bool:
    return any(c.get("type") == "Ready" and c.get("status") == "True" for c in dig_list(pod, "status", "conditions"))


def takes(budget: JsonObject, pod: JsonObject) -> bool:
    """Whether the pod's end counts against the budget: one that is not ready does not while enough others are."""
    if _ready(pod):
        return True
    if dig(budget, "spec", "unhealthyPodEvictionPolicy") == "AlwaysAllow":
        return False
    counts = dig_map(budget, "status")
    return not (counts.get("desiredHealthy", 0) > 0 and counts["currentHealthy"] >= counts["desiredHealthy"])


def taken(budget: JsonObject, pod: JsonObject, moment: str) -> JsonObject:
    """The budget less one disruption. Raises `StatusError` 429 where there is none left."""
    counts, name = dig_map(budget, "status"), budget["metadata"]["name"]
    if int(counts.get("observedGeneration") or 0) < int(budget["metadata"].get("generation") or 0):
        cause = Cause("", "DisruptionBudget", f"The disruption budget {name} is still being processed by the server.")
        raise too_many_requests(_REFUSED, _NOT_YET_SECONDS, [cause])
    if int(counts.get("disruptionsAllowed") or 0) < 1:
        needs, has = counts.get("desiredHealthy", 0), counts.get("currentHealthy", 0)
        why = f"The disruption budget {name} needs {needs} healthy pods and has {has} currently"
        raise too_many_requests(_REFUSED, 0, [Cause("", "DisruptionBudget", why)])
    changed = copy(budget)
    changed["status"]["disruptionsAllowed"] -= 1
    changed["status"].setdefault("disruptedPods", {})[pod["metadata"]["name"]] = moment
    return changed
