"""JSON objects as Kubernetes passes them around, and the few look-ups that every room needs.

Bodies that came out of the store are shared: nobody changes them in place; `copy` first. PURE.
"""

from typing import Any, TypeAlias

import msgspec

JsonValue: TypeAlias = "dict[str, JsonValue] | list[JsonValue] | str | int | float | bool | None"
"""Any JSON value, for who walks it without knowing its kind."""
JsonObject = dict[str, Any]
"""A JSON object whose shape is only known to its kind's schema: what is in it is checked there, not by the type."""

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder()


def encode(value: object) -> bytes:
    """JSON text of a value, UTF-8, no spaces."""
    return _encoder.encode(value)


def decode(raw: bytes | str) -> Any:
    """The value of a JSON text. Raises `msgspec.DecodeError`."""
    return _decoder.decode(raw)


def go_value(value: object) -> str:
    """A JSON value as Go's fmt prints it (`%v`), which is how it stands in some of Kubernetes' messages."""
    match value:
        case dict():
            return "map[" + " ".join(f"{key}:{go_value(value[key])}" for key in sorted(value)) + "]"
        case list():
            return "[" + " ".join(map(go_value, value)) + "]"
        case None:
            return "<nil>"
        case bool():
            return "true" if value else "false"
        case _:
            return str(value)


def copy(value: JsonObject) -> JsonObject:
    """A deep copy of a JSON object."""
    copied = _copy(value)
    assert isinstance(copied, dict)
    return copied


def _copy(value: JsonValue) -> JsonValue:
    if isinstance(value, dict):
        return {key: _copy(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_copy(item) for item in value]
    return value


def metadata(body: JsonObject) -> JsonObject:
    """The object's metadata, made when it is missing."""
    found = body.get("metadata")
    if not isinstance(found, dict):
        found = {}
        body["metadata"] = found
    return found


def dig(value: object, *path: str | int) -> Any:
    """The value below `path`, or None where any step is missing."""
    for step in path:
        if isinstance(step, int):
            if not isinstance(value, list) or step >= len(value):
                return None
            value = value[step]
        else:
            if not isinstance(value, dict):
                return None
            value = value.get(step)
    return value


def dig_map(value: object, *path: str | int) -> JsonObject:
    """As `dig`, but always a mapping (an empty one where there is none)."""
    found = dig(value, *path)
    return found if isinstance(found, dict) else {}


def dig_list(value: object, *path: str | int) -> list[Any]:
    """As `dig`, but always a list (an empty one where there is none)."""
    found = dig(value, *path)
    return found if isinstance(found, list) else []


def labels_of(body: JsonObject) -> dict[str, str]:
    """The object's labels."""
    return dig_map(body, "metadata", "labels")


def group_version(api_version: str) -> tuple[str, str]:
    """(group, version) of an apiVersion; the core group is the empty string."""
    group, slash, version = api_version.rpartition("/")
    return (group, version) if slash else ("", api_version)


def api_version(group: str, version: str) -> str:
    """The apiVersion of a group and version."""
    return f"{group}/{version}" if group else version
