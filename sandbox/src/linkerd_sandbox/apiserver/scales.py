"""The scale subresource: replicas of a workload, whatever its kind. PURE."""

from linkerd_sandbox.apiserver.kinds import ResourceType
from linkerd_sandbox.apiserver.objects import JsonObject, copy, dig
from linkerd_sandbox.apiserver.status import Cause, invalid
from linkerd_sandbox.apiserver.tables.cells import NONE, selector_text

_BUILT_IN = {
    "specReplicasPath": ".spec.replicas",
    "statusReplicasPath": ".status.replicas",
    "labelSelectorPath": "",
}


def _paths(kind: ResourceType) -> JsonObject:
    found = kind.custom.scale if kind.custom else None
    return found or _BUILT_IN


def _at(body: JsonObject, path: str) -> object:
    return dig(body, *[part for part in path.split(".") if part]) if path else None


def as_scale(kind: ResourceType, body: JsonObject) -> JsonObject:
    """The `Scale` of an object."""
    paths, meta = _paths(kind), body["metadata"]
    status: JsonObject = {"replicas": _at(body, paths["statusReplicasPath"]) or 0}
    selector = _at(body, paths.get("labelSelectorPath") or "")
    if selector is None and not kind.custom:
        text = selector_text(dig(body, "spec", "selector"))
        selector = None if text == NONE else text
    if selector:
        status["selector"] = selector
    kept = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {key: meta[key] for key in kept if key in meta},
        "spec": {"replicas": _at(body, paths["specReplicasPath"]) or 0},
        "status": status,
    }


def with_replicas(kind: ResourceType, body: JsonObject, scale: JsonObject) -> JsonObject:
    """The object with the replicas of a `Scale`. Raises `StatusError` 422."""
    replicas = dig(scale, "spec", "replicas") or 0
    name = body["metadata"]["name"]
    if not isinstance(replicas, int) or isinstance(replicas, bool) or replicas < 0:
        why = f"Invalid value: {replicas}: must be greater than or equal to 0"
        raise invalid("Scale", "autoscaling", name, [Cause("spec.replicas", "FieldValueInvalid", why)])
    changed = copy(body)
    *parents, last = [part for part in _paths(kind)["specReplicasPath"].split(".") if part]
    place = changed
    for part in parents:
        place = place.setdefault(part, {})
    place[last] = replicas
    given = dig(scale, "metadata", "resourceVersion")
    if given:
        changed["metadata"]["resourceVersion"] = given
    return changed
