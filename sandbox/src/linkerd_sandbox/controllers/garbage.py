"""The garbage collector: what belongs to nothing goes. PURE decisions over owner references.

Background: an object whose owners are all gone is deleted. Foreground: an owner with the finalizer `foregroundDeletion`
waits for those dependents that block it, which are deleted first. Orphan: dependents lose the reference, then the owner
goes. Source: pkg/controller/garbagecollector.
"""

from collections.abc import Callable, Sequence
from typing import Final

from linkerd_kube.objects import JsonObject
from linkerd_kube.resource import Resource
from linkerd_sandbox.controllers.actions import Action, Delete, Patch, Plan
from linkerd_sandbox.fields import dig, dig_list

FOREGROUND: Final = "foregroundDeletion"
ORPHAN: Final = "orphan"
Dependent = tuple[Resource, JsonObject]


def collect(resource: Resource, obj: JsonObject, alive: Callable[[JsonObject], bool]) -> Plan:
    """Deletes a dependent none of whose owners is alive (`alive` is asked for an owner reference)."""
    references = dig_list(obj, "metadata", "ownerReferences")
    if not references or dig(obj, "metadata", "deletionTimestamp") or any(map(alive, references)):
        return Plan()
    meta = obj["metadata"]
    return Plan([Delete(resource, str(meta.get("namespace") or ""), meta["name"], meta["uid"])])


def finalize(resource: Resource, owner: JsonObject, dependents: Sequence[Dependent]) -> Plan:
    """What an owner that is being deleted waits for."""
    finalizers = dig_list(owner, "metadata", "finalizers")
    if not dig(owner, "metadata", "deletionTimestamp"):
        return Plan()
    if ORPHAN in finalizers:
        actions = [_disown(one, obj, str(owner["metadata"]["uid"])) for one, obj in dependents]
        return Plan([*actions, _release(resource, owner, ORPHAN)])
    if FOREGROUND in finalizers:
        blocking = [(one, obj) for one, obj in dependents if _blocks(obj, str(owner["metadata"]["uid"]))]
        if not blocking:
            return Plan([_release(resource, owner, FOREGROUND)])
        return Plan([_delete(one, obj) for one, obj in dependents if not dig(obj, "metadata", "deletionTimestamp")])
    return Plan()


def _blocks(obj: JsonObject, owner_uid: str) -> bool:
    references = dig_list(obj, "metadata", "ownerReferences")
    return any(ref.get("uid") == owner_uid and ref.get("blockOwnerDeletion") for ref in references)


def _delete(resource: Resource, obj: JsonObject) -> Delete:
    meta = obj["metadata"]
    return Delete(resource, str(meta.get("namespace") or ""), meta["name"], meta["uid"], "Foreground")


def _disown(resource: Resource, obj: JsonObject, owner_uid: str) -> Action:
    meta = obj["metadata"]
    kept = [ref for ref in dig_list(meta, "ownerReferences") if ref.get("uid") != owner_uid]
    body: JsonObject = {"metadata": {"ownerReferences": kept or None}}
    return Patch(resource, str(meta.get("namespace") or ""), meta["name"], body)


def _release(resource: Resource, owner: JsonObject, finalizer: str) -> Action:
    meta = owner["metadata"]
    kept = [one for one in dig_list(meta, "finalizers") if one != finalizer]
    return Patch(resource, str(meta.get("namespace") or ""), meta["name"], {"metadata": {"finalizers": kept or None}})
