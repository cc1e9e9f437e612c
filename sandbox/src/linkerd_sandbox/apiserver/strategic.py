"""Strategic merge patch, as `kubectl apply`, `annotate` and `set` send it. PURE.

Rules (k8s.io/apimachinery/pkg/util/strategicpatch): objects merge; a list whose schema has the strategy `merge`
merges by its merge key, or as a set where its items are plain; other lists replace. Directives: `$patch:
replace|delete|merge`, `$retainKeys`, `$setElementOrder/FIELD`, `$deleteFromPrimitiveList/FIELD`. Null removes.
"""

from linkerd_sandbox.apiserver.objects import JsonObject, JsonValue, go_value
from linkerd_sandbox.apiserver.schemas import Node
from linkerd_sandbox.apiserver.status import StatusError, bad_request

_PATCH = "$patch"
_RETAIN = "$retainKeys"
_ORDER = "$setElementOrder/"
_DELETE_PLAIN = "$deleteFromPrimitiveList/"


def apply(target: JsonObject, change: JsonObject, node: Node | None) -> JsonObject:
    """The result of a patch; arguments are left alone. Raises `StatusError` 400 or 500 for a malformed patch."""
    merged = _merge_object(target, change, node)
    return merged if merged is not None else {}


def _merge_object(target: JsonObject, change: JsonObject, node: Node | None) -> JsonObject | None:
    directive = change.get(_PATCH)
    if directive == "replace":
        return {key: value for key, value in change.items() if key != _PATCH}
    if directive == "delete":
        return None
    if directive not in (None, "merge"):
        raise bad_request(f"Unknown patch type: {directive}")
    merged = _retain(target, change)
    for key, value in change.items():
        if key.startswith(_DELETE_PLAIN):
            field = key.removeprefix(_DELETE_PLAIN)
            if isinstance(merged.get(field), list):
                merged[field] = [item for item in merged[field] if item not in value]
    for key, value in change.items():
        if key.startswith("$"):
            continue
        _merge_field(merged, key, value, node.child(key) if node else None, change.get(_ORDER + key))
    for key, order in change.items():
        field = key.removeprefix(_ORDER)
        if key.startswith(_ORDER) and field not in change and isinstance(merged.get(field), list):
            if not isinstance(order, list):
                raise bad_request("invalid patch format of setElementOrder list")
            child = node.child(field) if node else None
            merged[field] = _reorder(merged[field], order, child.merge_key if child else None, merged[field])
    return merged


def _retain(target: JsonObject, change: JsonObject) -> JsonObject:
    keep = change.get(_RETAIN)
    if keep is None:
        return dict(target)
    if not isinstance(keep, list):
        raise bad_request("invalid patch format of retainKeys list")
    missing = [key for key in change if not key.startswith("$") and key not in keep]
    if missing:
        raise bad_request(f"{missing} are present in the patch but not in the retainKeys list")
    return {key: value for key, value in target.items() if key in keep}


def _merge_field(merged: JsonObject, key: str, value: JsonValue, node: Node | None, order: JsonValue) -> None:
    if value is None:
        merged.pop(key, None)
        return
    if isinstance(value, dict):
        # A directive inside a new object still has to be taken out, so a missing target merges as an empty one.
        current = merged.get(key)
        result = _merge_object(current if isinstance(current, dict) else {}, value, node)
        if result is None:
            merged.pop(key, None)
        else:
            merged[key] = result
        return
    if isinstance(value, list):
        current = merged.get(key)
        if node is not None and "merge" in node.strategies:
            merged[key] = _merge_list(current if isinstance(current, list) else [], value, node, order)
        else:
            merged[key] = [_clean(item) for item in value]
        return
    merged[key] = value


def _clean(value: JsonValue) -> JsonValue:
    if isinstance(value, dict):
        return {key: _clean(item) for key, item in value.items() if not key.startswith("$patch")}
    return value


def _merge_list(target: list[JsonValue], change: list[JsonValue], node: Node, order: JsonValue) -> list[JsonValue]:
    key = node.merge_key
    if not any(isinstance(item, dict) for item in change):
        if key is not None and change:
            raise bad_request("expected a list of objects in the patch")
        merged = [*target, *(item for item in change if item not in target)]
        return _reorder(merged, order if isinstance(order, list) else change, None, target)
    if key is None:
        raise bad_request("a list of objects without a merge key cannot be merged")
    if any(isinstance(item, dict) and item.get(_PATCH) == "replace" for item in change):
        return [_clean(item) for item in change if item != {_PATCH: "replace"}]
    result = list(target)
    for item in change:
        _merge_item(result, item, key, node.items())
    return _reorder(result, order if isinstance(order, list) else change, key, target)


def _merge_item(result: list[JsonValue], item: JsonValue, key: str, node: Node | None) -> None:
    if not isinstance(item, dict):
        raise bad_request("expected an object in the patch's list")
    if key not in item:
        raise StatusError(500, "", f"map: {go_value(item)} does not contain declared merge key: {key}")
    found = [(i, old) for i, old in enumerate(result) if isinstance(old, dict) and old.get(key) == item[key]]
    if item.get(_PATCH) == "delete":
        for index, _ in reversed(found):
            del result[index]
        return
    if not found:
        added = _merge_object({}, item, node)
        if added is not None:
            result.append(added)
        return
    index, old = found[0]
    result[index] = _merge_object(old, item, node)
    # A list may hold one key twice (two protocols on one port); the first is merged, as in Kubernetes.


def _reorder(
    items: list[JsonValue], order: list[JsonValue], key: str | None, before: list[JsonValue]
) -> list[JsonValue]:
    """Items in the given order; those that it does not name stay before what followed them, else they come last.

    mergeSortedSlice of strategicpatch: without `$setElementOrder` the patch's own order counts, so what is new in it
    comes before what was there.
    """

    def name(item: JsonValue) -> JsonValue:
        return item.get(key) if key and isinstance(item, dict) else item

    wanted = [name(item) for item in order]
    listed = sorted((item for item in items if name(item) in wanted), key=lambda item: wanted.index(name(item)))
    others = [item for item in items if name(item) not in wanted]
    old = [name(item) for item in before]
    result: list[JsonValue] = []
    for item in listed:
        place = old.index(name(item)) if name(item) in old else -1
        while others and name(others[0]) in old and old.index(name(others[0])) < place:
            result.append(others.pop(0))
        result.append(item)
    return result + others
