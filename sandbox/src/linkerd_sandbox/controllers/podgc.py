"""Pods that are bound to a node which does not exist: nobody would ever run or end them. PURE.

Source: pkg/controller/podgc, which waits 40 s in case the node comes.
"""

from collections.abc import Container
from typing import Final

from linkerd_kube.objects import JsonObject
from linkerd_kube.resources import PODS
from linkerd_sandbox.controllers.actions import Delete, Plan
from linkerd_sandbox.fields import dig

_QUARANTINE_SECONDS: Final = 40.0


def reconcile(pod: JsonObject, nodes: Container[str], since: float, now: float) -> Plan:
    """`nodes` are the names of those that exist; `since` is when this pod's was first missed (seconds, as `now`)."""
    node = dig(pod, "spec", "nodeName")
    if not node or node in nodes:
        return Plan()
    left = since + _QUARANTINE_SECONDS - now
    if left > 0:
        return Plan(again_in=left)
    meta = pod["metadata"]
    return Plan([Delete(PODS, str(meta["namespace"]), meta["name"], meta["uid"], grace_seconds=0)])
