"""Claims and volumes that are being deleted go when nobody uses them. PURE.

A real kube-apiserver gives each a finalizer when it is created (admission plugin StorageObjectInUseProtection); without
this controller it would never go, nor would its namespace. Source: pkg/controller/volume/pvcprotection, pvprotection.
"""

from collections.abc import Iterable
from typing import Final

from linkerd_kube.objects import JsonObject
from linkerd_kube.resource import Resource
from linkerd_sandbox.controllers.actions import Patch, Plan
from linkerd_sandbox.fields import dig, dig_list

VOLUMES: Final = Resource("", "v1", "persistentvolumes", "PersistentVolume", namespaced=False)
_FINALIZERS: Final = ("kubernetes.io/pvc-protection", "kubernetes.io/pv-protection")


def claims_of(pod: JsonObject) -> set[str]:
    """Names of the PersistentVolumeClaims that a pod uses."""
    found = (dig(volume, "persistentVolumeClaim", "claimName") for volume in dig_list(pod, "spec", "volumes"))
    return {str(name) for name in found if name}


def _ended(pod: JsonObject) -> bool:
    return dig(pod, "status", "phase") in ("Succeeded", "Failed")


def reconcile(resource: Resource, obj: JsonObject, pods: Iterable[JsonObject]) -> Plan:
    """`pods` are those of a claim's namespace; none for a volume, which nothing here ever binds."""
    meta = obj["metadata"]
    finalizers = dig_list(meta, "finalizers")
    kept = [one for one in finalizers if one not in _FINALIZERS]
    if not meta.get("deletionTimestamp") or kept == finalizers:
        return Plan()
    if any(meta["name"] in claims_of(pod) and not _ended(pod) for pod in pods):
        return Plan()
    body: JsonObject = {"metadata": {"finalizers": kept or None}}
    return Plan([Patch(resource, str(meta.get("namespace") or ""), meta["name"], body)])
