"""What creation, update and deletion do to an object's metadata, generation and status; the same for every kind. PURE.

As k8s.io/apiserver/pkg/registry/rest and generic/registry. Clock and randomness come as arguments.
"""

from collections.abc import Callable
from typing import Literal, NamedTuple

from linkerd_sandbox.apiserver.kinds import ResourceType
from linkerd_sandbox.apiserver.objects import JsonObject, copy, dig, dig_list, metadata
from linkerd_sandbox.apiserver.status import Cause, bad_request, conflict, invalid

SUFFIX_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
"""Letters of generated names: no vowels, so no words (k8s.io/apimachinery/pkg/util/rand)."""
RECREATED = "The object might have been deleted and then recreated"
_GENERATED_PREFIX = 58  # a name has at most 63 characters, 5 of them random

_SERVER_OWNED = ("uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "generation")


Stamp = Callable[[float], str]
"""Formats unix seconds as RFC 3339."""


class Birth(NamedTuple):
    """What the server gives a new object."""

    now: str
    uid: str
    suffix: str


def has_status(kind: ResourceType) -> bool:
    """Whether status is written only through its subresource."""
    return "status" in kind.subresources


def check_identity(kind: ResourceType, body: JsonObject, namespace: str, name: str | None) -> None:
    """Raise `StatusError` 400 where the body is not the object of the path; `name` is None for a new one.

    The namespace of the request is filled in where the body has none.
    """
    meta = metadata(body)
    if kind.namespaced:
        given = meta.setdefault("namespace", namespace)
        if given != namespace:
            raise bad_request("the namespace of the provided object does not match the namespace sent on the request")
    else:
        meta.pop("namespace", None)
    if name is None:
        return
    if not meta.get("name"):
        why = f"the name of the object ({name} based on URL) was undeterminable: name must be provided"
        raise bad_request(why)
    if meta["name"] != name:
        raise bad_request(f"the name of the object ({meta['name']}) does not match the name on the URL ({name})")


def check_uid(kind: ResourceType, body: JsonObject, old: JsonObject) -> None:
    """Raise `StatusError` 409 where an update names the uid of another object."""
    given, name = dig(body, "metadata", "uid"), old["metadata"]["name"]
    if given and given != old["metadata"]["uid"]:
        why = f"Precondition failed: UID in precondition: {given}, UID in object meta: {old['metadata']['uid']}"
        raise conflict(kind.qualified, name, why)


def wiped(body: JsonObject) -> None:
    """Take out of a new object's metadata what only the server writes, before admission. Raises `StatusError`."""
    meta = metadata(body)
    if meta.get("resourceVersion"):
        raise bad_request("resourceVersion should not be set on objects to be created")
    for key in (*_SERVER_OWNED, "selfLink", "resourceVersion"):
        meta.pop(key, None)


def born(kind: ResourceType, body: JsonObject, birth: Birth) -> None:
    """Fill in a new object's metadata, in place. Raises `StatusError`.

    It comes after mutating admission, so webhooks see neither uid nor a name made of generateName.
    """
    meta = metadata(body)
    if not meta.get("name"):
        prefix = meta.get("generateName")
        if not prefix:
            required = Cause("metadata.name", "FieldValueRequired", "Required value: name or generateName is required")
            raise invalid(kind.kind, kind.group, "", [required])
        meta["name"] = prefix[:_GENERATED_PREFIX] + birth.suffix
    meta["uid"] = birth.uid
    meta["creationTimestamp"] = birth.now
    if kind.generation:
        meta["generation"] = 1
    if has_status(kind):
        body.pop("status", None)


def succeed(kind: ResourceType, new: JsonObject, old: JsonObject, subresource: str) -> JsonObject:
    """The object that an update leaves: what the client may not change is as it was. Raises `StatusError`."""
    if subresource == "status":
        changed = copy(old)
        if "status" in new:
            changed["status"] = copy(new["status"])
        else:
            changed.pop("status", None)
        if "managedFields" in new["metadata"]:
            metadata(changed)["managedFields"] = new["metadata"]["managedFields"]
        return changed
    changed = copy(new)
    meta, before = metadata(changed), old["metadata"]
    if meta.get("uid") not in (None, "", before["uid"]):
        cause = Cause("metadata.uid", "FieldValueInvalid", f'Invalid value: "{meta["uid"]}": field is immutable')
        raise invalid(kind.kind, kind.group, before["name"], [cause])
    for key in _SERVER_OWNED:
        meta.pop(key, None)
        if key in before:
            meta[key] = before[key]
    if "managedFields" not in meta and "managedFields" in before:
        meta["managedFields"] = before["managedFields"]  # a client that leaves them out keeps them
    meta.pop("selfLink", None)
    if before.get("deletionTimestamp"):
        _check_finalizers(kind, meta, before)
    if has_status(kind) and subresource != "binding":  # a binding is the scheduler's, condition included
        changed.pop("status", None)
        if "status" in old:
            changed["status"] = copy(old["status"])
    if kind.qualified == "certificatesigningrequests.certificates.k8s.io":
        changed["spec"] = copy(old["spec"])  # what was asked for is what is judged
    noted = kind.qualified == "deployments.apps" and meta.get("annotations") != before.get("annotations")
    if kind.generation and (noted or _rest(changed) != _rest(old)):
        meta["generation"] = int(before.get("generation", 0)) + 1
    return changed


def _check_finalizers(kind: ResourceType, meta: JsonObject, before: JsonObject) -> None:
    added = [item for item in meta.get("finalizers") or [] if item not in (before.get("finalizers") or [])]
    if added:
        found = ", ".join(f'"{item}"' for item in added)
        why = "Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers "
        why += f"[]string{{{found}}}"
        raise invalid(kind.kind, kind.group, before["name"], [Cause("metadata.finalizers", "FieldValueForbidden", why)])


def _rest(body: JsonObject) -> JsonObject:
    return {key: value for key, value in body.items() if key not in ("metadata", "status")}


class Deletion(NamedTuple):
    """What a DELETE request does."""

    outcome: Literal["remove", "mark", "nothing"]
    body: JsonObject
    """The object afterwards (its last state where it goes)."""


def check_preconditions(kind: ResourceType, old: JsonObject, options: JsonObject) -> None:
    """Raise `StatusError` 409 unless the object is the one that the client means."""
    wanted = options.get("preconditions") or {}
    meta = old["metadata"]
    if wanted.get("uid") and wanted["uid"] != meta["uid"]:
        why = f"the UID in the precondition ({wanted['uid']}) does not match the UID in record ({meta['uid']})."
        why += f" {RECREATED}"
        raise conflict(_qualified_kind(kind), meta["name"], why)
    if wanted.get("resourceVersion") and wanted["resourceVersion"] != meta["resourceVersion"]:
        given, found = wanted["resourceVersion"], meta["resourceVersion"]
        why = (
            f"the ResourceVersion in the precondition ({given}) does not match the ResourceVersion in record ({found})."
            " The object might have been modified"
        )
        raise conflict(_qualified_kind(kind), meta["name"], why)


def _qualified_kind(kind: ResourceType) -> str:
    """`Deployment.apps`, or `Pod`: failed preconditions name the kind."""
    return f"{kind.kind}.{kind.group}" if kind.group else kind.kind


def check_delete_options(options: JsonObject) -> None:
    """Raise `StatusError` 422 for a deletion that nobody can carry out."""
    policy = options.get("propagationPolicy")
    causes: list[Cause] = []
    if policy is not None and options.get("orphanDependents") is not None:
        why = f'Invalid value: "{policy}": orphanDependents and deletionPropagation cannot be both set'
        causes.append(Cause("propagationPolicy", "FieldValueInvalid", why))
    elif policy is not None and policy not in ("Foreground", "Background", "Orphan"):
        why = f'Unsupported value: "{policy}": supported values: "Foreground", "Background", "Orphan", "nil"'
        causes.append(Cause("propagationPolicy", "FieldValueNotSupported", why))
    causes += dry_run_causes(options.get("dryRun") or [])
    if causes:
        raise invalid("DeleteOptions", "meta.k8s.io", "", causes)


def dry_run_causes(given: list[str]) -> list[Cause]:
    """What is wrong with a `dryRun`."""
    if not given or given == ["All"]:
        return []
    shown = ", ".join(f'"{item}"' for item in given)
    why = f'Unsupported value: []string{{{shown}}}: supported values: "All"'
    return [Cause("dryRun", "FieldValueNotSupported", why)]


def delete(kind: ResourceType, old: JsonObject, options: JsonObject, now: float, stamp: Stamp) -> Deletion:
    """Decide a deletion: pods on a node end gracefully, finalizers hold, everything else goes at once."""
    body = copy(old)
    meta = metadata(body)
    finalizers = _with_propagation(list(meta.get("finalizers") or []), options)
    if finalizers:
        meta["finalizers"] = finalizers
    grace = _grace(kind, old, options)
    marked = "deletionTimestamp" in meta
    if kind.qualified == "namespaces":
        body.setdefault("status", {})["phase"] = "Terminating"
    holds = (
        bool(finalizers) or grace > 0 or bool(dig_list(body, "spec", "finalizers") and kind.qualified == "namespaces")
    )
    if kind.qualified == "pods" and not holds and not marked:
        meta |= {"deletionTimestamp": stamp(now), "deletionGracePeriodSeconds": 0}
    if not holds:
        return Deletion("remove", body)
    if not marked or grace < int(meta.get("deletionGracePeriodSeconds") or 0):
        meta["deletionTimestamp"] = stamp(now + grace)
        if kind.qualified != "namespaces":
            meta["deletionGracePeriodSeconds"] = grace
    if body == old:
        return Deletion("nothing", body)
    return Deletion("mark", body)


def _grace(kind: ResourceType, old: JsonObject, options: JsonObject) -> int:
    """Seconds that a pod gets to end; 0 for everything else and for pods that no kubelet has."""
    if kind.qualified != "pods":
        return 0
    if not dig(old, "spec", "nodeName") or dig(old, "status", "phase") in ("Succeeded", "Failed"):
        return 0
    asked = options.get("gracePeriodSeconds")
    if asked is None:
        asked = dig(old, "spec", "terminationGracePeriodSeconds")
    return max(0, int(30 if asked is None else asked))


_PROPAGATION = {"Foreground": "foregroundDeletion", "Orphan": "orphan"}


def _with_propagation(finalizers: list[str], options: JsonObject) -> list[str]:
    """Record how dependents go, as the finalizer that the garbage collector looks for."""
    policy = options.get("propagationPolicy")
    if policy is None and options.get("orphanDependents"):
        policy = "Orphan"
    if policy is None:
        return finalizers
    kept = [item for item in finalizers if item not in _PROPAGATION.values()]
    wanted = _PROPAGATION.get(policy)
    return [*kept, wanted] if wanted else kept


def finished(kind: ResourceType, body: JsonObject) -> bool:
    """Whether a marked object has nothing left that holds it, so that this update removes it."""
    meta = body["metadata"]
    if not meta.get("deletionTimestamp") or meta.get("finalizers"):
        return False
    if kind.qualified == "namespaces":
        return not dig_list(body, "spec", "finalizers")
    return not meta.get("deletionGracePeriodSeconds")
