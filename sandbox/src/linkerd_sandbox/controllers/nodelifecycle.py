"""Taints that a node has because of its state: not ready, unreachable, cordoned. PURE.

Source: pkg/controller/nodelifecycle. A new node begins with `not-ready` (the API server's admission plugin
TaintNodesByCondition); without this nothing would ever be scheduled. Pods are not evicted: there is no other node.
"""

from typing import Final

from linkerd_kube.objects import JsonObject
from linkerd_kube.resources import NODES
from linkerd_sandbox.controllers.actions import Patch, Plan
from linkerd_sandbox.controllers.podstate import condition
from linkerd_sandbox.fields import dig, dig_list

_READY: Final = {"True": None, "False": "node.kubernetes.io/not-ready", "Unknown": "node.kubernetes.io/unreachable"}
_CORDONED: Final = "node.kubernetes.io/unschedulable"
_OURS: Final = {_CORDONED, *filter(None, _READY.values())}


def reconcile(node: JsonObject) -> Plan:
    """The taints as they should be, where they are not; NoSchedule only."""
    taints = dig_list(node, "spec", "taints")
    ready = condition(node, "Ready")
    wanted = {_READY.get(str(dig(ready, "status")), _READY["Unknown"])} if ready is not None else {_READY["False"]}
    if dig(node, "spec", "unschedulable"):
        wanted.add(_CORDONED)
    kept = [one for one in taints if one.get("key") not in _OURS or one.get("effect") != "NoSchedule"]
    there = {one["key"] for one in taints} - {one["key"] for one in kept}
    missing = wanted - {None}
    if there == missing:
        return Plan()
    kept += [{"key": key, "effect": "NoSchedule"} for key in sorted(filter(None, missing))]
    meta = node["metadata"]
    body: JsonObject = {
        "metadata": {"resourceVersion": meta["resourceVersion"]},
        "spec": {"taints": kept or None},
    }
    return Plan([Patch(NODES, "", meta["name"], body)])
