"""JSON patch (RFC 6902) and merge patch (RFC 7386). PURE.

Strategic merge patch is in `strategic`. Both functions here return a new value and leave their arguments alone.
"""

from linkerd_sandbox.apiserver.objects import JsonValue
from linkerd_sandbox.apiserver.status import StatusError, bad_request


def merge(target: JsonValue, change: JsonValue) -> JsonValue:
    """The result of a merge patch: null removes, objects merge, everything else replaces."""
    if not isinstance(change, dict):
        return change
    merged = dict(target) if isinstance(target, dict) else {}
    for key, value in change.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = merge(merged.get(key), value)
    return merged


def apply_json_patch(document: JsonValue, operations: object) -> JsonValue:
    """The result of a JSON patch.

    Raises `StatusError` 400 for a malformed patch, and 422 when an operation does not apply.
    """
    if not isinstance(operations, list):
        raise bad_request(
            "error decoding patch: json: cannot unmarshal object into Go value of type []handlers.jsonPatchOp"
        )
    for operation in operations:
        document = _apply(document, operation)
    return document


def _apply(document: JsonValue, operation: object) -> JsonValue:
    if not isinstance(operation, dict) or not isinstance(operation.get("path"), str):
        raise bad_request("jsonpatch: an operation needs op and path")
    name, path = operation.get("op"), _pointer(operation["path"])
    if name in ("move", "copy"):
        source = _pointer(operation.get("from", ""))
        value = _get(document, source)
        if name == "move":
            document = _change(document, source, _REMOVE, None)
        return _change(document, path, _ADD, value)
    value = operation.get("value")
    match name:
        case "add":
            return _change(document, path, _ADD, value)
        case "remove":
            return _change(document, path, _REMOVE, None)
        case "replace":
            return _change(document, path, _REPLACE, value)
        case "test":
            if not _same(_get(document, path, missing=None), value):
                raise _cannot(f"testing value {operation['path']} failed")
            return document
        case _:
            raise _cannot(f"Unexpected kind: {name}")


_ADD, _REMOVE, _REPLACE = "add", "remove", "replace"
_ABSENT = object()


def _same(left: JsonValue, right: JsonValue) -> bool:
    return (type(left) is type(right) and bool(left == right)) or (
        isinstance(left, (int, float))
        and isinstance(right, (int, float))
        and not isinstance(left, bool)
        and not isinstance(right, bool)
        and left == right
    )


def _cannot(why: str) -> StatusError:
    return StatusError(422, "Invalid", f"the server rejected our request due to an error in our request: {why}", {})


def _pointer(text: str) -> list[str]:
    if text == "":
        return []
    if not text.startswith("/"):
        raise bad_request(f"jsonpatch: a path begins with a slash: {text}")
    return [part.replace("~1", "/").replace("~0", "~") for part in text[1:].split("/")]


def _get(document: JsonValue, path: list[str], missing: object = _ABSENT) -> JsonValue:
    for part in path:
        if isinstance(document, dict) and part in document:
            document = document[part]
        elif isinstance(document, list) and part.isdigit() and int(part) < len(document):
            document = document[int(part)]
        elif missing is None:
            return None
        else:
            raise _cannot(f"doc is missing path: /{'/'.join(path)}: missing value")
    return document


def _change(document: JsonValue, path: list[str], how: str, value: JsonValue) -> JsonValue:
    """A copy of the document along `path`, with the change made at its end."""
    if not path:
        return None if how == _REMOVE else value
    head, rest = path[0], path[1:]
    if isinstance(document, dict):
        changed = dict(document)
        if rest:
            if head not in changed:
                raise _cannot(f"{how} operation does not apply: doc is missing path: {head}: missing value")
            changed[head] = _change(changed[head], rest, how, value)
        elif how != _REMOVE:
            changed[head] = value  # of what is not there, too: json-patch v4, which Kubernetes uses, replaces it
        elif head not in changed:
            raise _cannot(f"remove operation does not apply: doc is missing key: {head}: missing value")
        else:
            del changed[head]
        return changed
    if isinstance(document, list):
        return _change_list(document, head, rest, how, value)
    raise _cannot(f"{how} operation does not apply: doc is missing path: {head}: missing value")


def _change_list(document: list[JsonValue], head: str, rest: list[str], how: str, value: JsonValue) -> list[JsonValue]:
    items = list(document)
    if head == "-" and how == _ADD and not rest:
        return [*items, value]
    if not head.isdigit() or int(head) > len(items) - (0 if how == _ADD and not rest else 1):
        raise _cannot(f"{how} operation does not apply: invalid array index {head}")
    index = int(head)
    if rest:
        items[index] = _change(items[index], rest, how, value)
    elif how == _ADD:
        items.insert(index, value)
    elif how == _REMOVE:
        del items[index]
    else:
        items[index] = value
    return items
