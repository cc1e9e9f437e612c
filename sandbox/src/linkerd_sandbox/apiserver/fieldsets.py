"""Fields of an object as paths, as server-side apply counts them; and objects merged by them. PURE.

A path is a tuple of FieldsV1 elements: `f:NAME` of a field or map key, `k:{...}` of an item of a keyed list (its keys
as JSON), `v:VALUE` of an item of a set. What is atomic (a scalar, a list without keys, a map declared so) is one path.
Source: sigs.k8s.io/structured-merge-diff v4 (typed, fieldpath) and the KEPs 555 and 2155.
"""

import json
from collections.abc import Iterator
from typing import Final

from linkerd_sandbox.apiserver.objects import JsonObject, JsonValue
from linkerd_sandbox.apiserver.schemas import Node, definition

Path = tuple[str, ...]
PRESENT: Final = "(present)"
"""The value at the path of a list item as such; its fields have paths of their own."""
_OBJECT_META: Final = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"
_KEY_DEFAULTS: Final = {"protocol": "TCP"}
"""Keys of lists that have a default in Kubernetes' own schema."""
_SERVERS: Final = ("creationTimestamp", "selfLink", "uid", "generation", "managedFields", "resourceVersion")
_UNOWNED: Final = frozenset(("name", "namespace", "generateName", *_SERVERS))


def meta_node(body_node: Node | None, key: str) -> Node | None:
    """The schema of a field of the whole object; metadata is the same for every kind."""
    if key == "metadata":
        return definition(_OBJECT_META)
    return body_node.child(key) if body_node is not None else None


def leaves(body: JsonObject, node: Node | None) -> dict[Path, JsonValue]:
    """Every path of an object with its value; what the server owns alone is left out."""
    found: dict[Path, JsonValue] = {}
    for key, value in body.items():
        if key in ("apiVersion", "kind"):
            continue
        if key == "metadata":
            value = {name: item for name, item in value.items() if name not in _UNOWNED}
            if not value:
                continue
        _walk(value, meta_node(node, key), (f"f:{key}",), found)
    return found


def _walk(value: JsonValue, node: Node | None, path: Path, found: dict[Path, JsonValue]) -> None:
    if isinstance(value, dict) and value and not atomic_map(node):
        for key, item in value.items():
            _walk(item, node.child(key) if node is not None else None, (*path, f"f:{key}"), found)
        return
    keys = list_keys(node) if isinstance(value, list) else None
    if keys is None or not isinstance(value, list) or not value:
        found[path] = value
        return
    items = node.items() if node is not None else None
    for item in value:
        step = (*path, element(item, keys))
        found[step] = PRESENT
        if isinstance(item, dict):
            for key, inner in item.items():
                _walk(inner, items.child(key) if items is not None else None, (*step, f"f:{key}"), found)


def atomic_map(node: Node | None) -> bool:
    """Whether a map has one owner as a whole."""
    return node is not None and "atomic" in (
        node.extra.get("x-kubernetes-map-type"),
        node.schema.get("x-kubernetes-map-type"),
    )


def list_keys(node: Node | None) -> tuple[str, ...] | None:
    """The keys of a list's items; () for a set; None for a list that is one value."""
    if node is None:
        return None
    kind = node.extra.get("x-kubernetes-list-type") or node.schema.get("x-kubernetes-list-type")
    if kind == "map":
        keys = node.extra.get("x-kubernetes-list-map-keys") or node.schema.get("x-kubernetes-list-map-keys") or ()
        return tuple(keys) or None
    if kind == "set":
        return ()
    if kind is None and "merge" in node.strategies:
        return (node.merge_key,) if node.merge_key else ()
    return None


def element(item: JsonValue, keys: tuple[str, ...]) -> str:
    """The path element of a list's item."""
    if not keys or not isinstance(item, dict):
        return "v:" + json.dumps(item, sort_keys=True, separators=(",", ":"))
    found = {key: item.get(key, _KEY_DEFAULTS.get(key)) for key in sorted(keys)}
    return "k:" + json.dumps({k: v for k, v in found.items() if v is not None}, separators=(",", ":"))


def merged(live: JsonValue, applied: JsonValue, node: Node | None) -> JsonValue:
    """`applied` laid over `live`: maps and keyed lists merge, everything else is replaced. Arguments are left alone."""
    if isinstance(applied, dict) and isinstance(live, dict) and not atomic_map(node):
        result = dict(live)
        for key, value in applied.items():
            child = node.child(key) if node is not None else None
            result[key] = merged(live[key], value, child) if key in live else value
        return result
    keys = list_keys(node)
    if keys is None or not isinstance(applied, list) or not isinstance(live, list):
        return applied
    items = node.items() if node is not None else None
    wanted = {element(item, keys): item for item in applied}
    there = {element(item, keys): item for item in live}
    return [
        merged(there[name], wanted[name], items) if name in there and name in wanted else (wanted | there)[name]
        for name in _interleaved(list(there), list(wanted))
    ]


def _interleaved(live: list[str], applied: list[str]) -> list[str]:
    """The names in one order that keeps both (typed/merge.go, visitListItems): the applied order decides, and what
    only the live object has stays before what followed it there."""
    both = [name for name in applied if name in live]
    found: list[str] = []
    at_live = at_applied = 0
    while at_live < len(live) or at_applied < len(applied):
        here = live[at_live] if at_live < len(live) else None
        wanted = applied[at_applied] if at_applied < len(applied) else None
        if here is not None and here not in applied:
            found.append(here)
            at_live += 1
        elif here is not None and (here in found or (here != wanted and both and here != both[0])):
            at_live += 1
        elif wanted is not None:
            found.append(wanted)
            at_applied += 1
            if both and both[0] == wanted:
                both.pop(0)
        else:
            at_live += 1
    return found


def without(value: JsonObject, paths: set[Path], node: Node | None) -> JsonObject:
    """The object less the fields and items at the paths (relative to it); what they leave empty goes too."""
    by_head = _by_head(paths)
    result: JsonObject = {}
    for key, item in value.items():
        rest = by_head.get(f"f:{key}", set())
        if () in rest:
            continue
        kept = _without(item, rest, node.child(key) if node is not None else None) if rest else item
        if kept or not rest:
            result[key] = kept
    return result


def _by_head(paths: set[Path]) -> dict[str, set[Path]]:
    found: dict[str, set[Path]] = {}
    for path in paths:
        found.setdefault(path[0], set()).add(path[1:])
    return found


def _without(value: JsonValue, paths: set[Path], node: Node | None) -> JsonValue:
    if isinstance(value, dict):
        return without(value, paths, node)
    keys = list_keys(node)
    if keys is None or not isinstance(value, list):
        return value
    by_head = _by_head(paths)
    items = node.items() if node is not None else None
    left: list[JsonValue] = []
    for item in value:
        rest = by_head.get(element(item, keys), set())
        if () not in rest:
            left.append(_without(item, rest, items) if rest else item)
    return left


def to_v1(paths: frozenset[Path]) -> JsonObject:
    """FieldsV1 of a set of paths."""
    root: JsonObject = {}
    for path in sorted(paths):
        place = root
        for step in path:
            place = place.setdefault(step, {})
        place["."] = {}
    return _trimmed(root)


def _trimmed(tree: JsonObject) -> JsonObject:
    return {key: ({} if set(inner) <= {"."} else _trimmed(inner)) for key, inner in tree.items()}


def from_v1(tree: JsonObject) -> frozenset[Path]:
    """The paths of a FieldsV1."""
    return frozenset(_paths(tree, ()))


def _paths(tree: JsonObject, before: Path) -> Iterator[Path]:
    for key, inner in tree.items():
        if key == ".":
            yield before
        elif not inner:
            yield (*before, key)
        else:
            yield from _paths(inner, (*before, key))


def shown(path: Path) -> str:
    """A path for people: `.spec.containers[name="web"].image`."""
    text = ""
    for step in path:
        kind, _, rest = step.partition(":")
        if kind == "f":
            text += f".{rest}"
        elif kind == "k":
            text += "[" + ",".join(f"{k}={json.dumps(v)}" for k, v in json.loads(rest).items()) + "]"
        else:
            text += f"[={rest}]"
    return text
