"""Reading and changing Kubernetes objects as trees of plain dicts and lists, as JSON gives them.

What has the wrong shape raises Malformed with the field's path, as an API server would name it. null counts as absent.
"""

from typing import TypeAlias

JsonObject: TypeAlias = dict[str, object]


class Malformed(ValueError):
    """An object that is not what its kind demands; `path` is the field ("spec.containers[0].ports")."""

    def __init__(self, path: str, demand: str) -> None:
        super().__init__(f"{path}: {demand}")
        self.path = path


def as_object(value: object, path: str) -> JsonObject:
    """The value as an object; absent gives a new empty one. Raises Malformed."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise Malformed(path, "must be an object")
    return value


def join(path: str, key: str) -> str:
    """The path of a field."""
    return f"{path}.{key}" if path else key


def child(parent: JsonObject, key: str, path: str) -> JsonObject:
    """The object under a key; absent gives an empty one that is not attached. Raises Malformed."""
    return as_object(parent.get(key), join(path, key))


def attached(parent: JsonObject, key: str, path: str) -> JsonObject:
    """The object under a key, made where it is absent. Raises Malformed."""
    value = child(parent, key, path)
    parent[key] = value
    return value


def copied(parent: JsonObject, key: str, path: str) -> JsonObject:
    """A shallow copy of the object under a key, put in its place: what it holds may be replaced, not changed.

    Copying no more than the way to what changes is what makes injection cheap: pods are large. Raises Malformed.
    """
    value = dict(child(parent, key, path))
    parent[key] = value
    return value


def objects(parent: JsonObject, key: str, path: str) -> list[JsonObject]:
    """A new list of the objects in the list under a key; absent gives an empty one. Raises Malformed."""
    value = parent.get(key)
    if value is None:
        return []
    if not isinstance(value, list):
        raise Malformed(join(path, key), "must be a list")
    items = []
    for index, item in enumerate(value):
        if not isinstance(item, dict):
            raise Malformed(f"{join(path, key)}[{index}]", "must be an object")
        items.append(item)
    return items


def strings(parent: JsonObject, key: str, path: str) -> dict[str, str]:
    """A new dict of the labels or annotations under a key. Raises Malformed where a value is no string."""
    pairs = {}
    for name, value in child(parent, key, path).items():
        if not isinstance(value, str):
            raise Malformed(f"{join(path, key)}[{name}]", "must be a string")
        pairs[name] = value
    return pairs


def text(parent: JsonObject, key: str) -> str:
    """The string under a key, else ""."""
    value = parent.get(key)
    return value if isinstance(value, str) else ""


def number(parent: JsonObject, key: str) -> int | None:
    """The integer under a key, else None."""
    value = parent.get(key)
    return value if isinstance(value, int) and not isinstance(value, bool) else None
