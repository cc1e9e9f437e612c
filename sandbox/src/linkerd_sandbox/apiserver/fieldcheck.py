"""Field validation of request bodies against a schema: unknown fields and wrong types. PURE.

Kubernetes decodes JSON into Go structs; a wrong type is a 400 in the words of Go's json package, an unknown field is
a 400, a warning or nothing, as `fieldValidation` says (k8s.io/apiserver/pkg/endpoints/handlers/create.go). Null means
absent and is dropped, as decoding does.
"""

import base64
import string
from dataclasses import dataclass, field
from datetime import datetime

from linkerd_sandbox.apiserver.objects import JsonObject, JsonValue
from linkerd_sandbox.apiserver.schemas import Node
from linkerd_sandbox.apiserver.validation.quantities import amount

_BASE64 = frozenset(string.ascii_letters + string.digits + "+/=")
_GO_TYPES = {"boolean": "bool", "string": "string", "number": "float64"}
_PACKAGES = {"IntOrString": "intstr", "Quantity": "resource"}


@dataclass(slots=True)
class Findings:
    """What is wrong with the fields of one object."""

    unknown: list[str] = field(default_factory=list)
    """Paths with indexes, as in `spec.containers[0].imagge`."""
    mistyped: str | None = None
    """Go's message for the first value of a wrong type."""


def normalized(body: JsonObject, node: Node) -> tuple[JsonObject, Findings]:
    """The body without nulls and unknown fields, and what was found on the way."""
    findings = Findings()
    value = _walk(body, node, "", "", node, findings)
    return value if isinstance(value, dict) else {}, findings


def _walk(value: JsonValue, node: Node, path: str, plain: str, owner: Node, findings: Findings) -> JsonValue:
    """`path` has indexes and `plain` has not; `owner` is the nearest struct, which Go's messages name."""
    kind = node.type
    if kind == "" and _is_scalar(node):
        kind = "scalar"
    if isinstance(value, dict) and kind in ("object", ""):
        return _walk_object(value, node, path, plain, owner, findings)
    if isinstance(value, list) and kind in ("array", ""):
        items = node.items()
        if items is None:
            return value
        return [
            _walk(item, items, f"{path}[{index}]", plain, owner, findings)
            for index, item in enumerate(value)
            if item is not None or not items.name
        ]
    if not _fits(value, node):
        _mistyped(value, node, plain, owner, findings)
    elif findings.mistyped is None and isinstance(value, str):
        findings.mistyped = _unreadable(value, node)
    return value


def _unreadable(value: str, node: Node) -> str | None:
    """Why Go cannot read a text of the right type; None where it can."""
    if node.schema.get("format") == "byte":
        try:
            base64.b64decode(value, validate=True)
        except ValueError:
            at = next((index for index, letter in enumerate(value) if letter not in _BASE64), len(value))
            return f"illegal base64 data at input byte {at}"
    if node.go_name == "Quantity" and amount(value) is None:
        return "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
    if node.schema.get("format") == "date-time" and value and not _is_time(value):
        return f'parsing time "{value}" as "2006-01-02T15:04:05Z07:00": cannot parse "{value}" as "2006"'
    return None


def _is_time(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return "T" in text


def _walk_object(value: JsonObject, node: Node, path: str, plain: str, owner: Node, findings: Findings) -> JsonObject:
    if node.preserves:
        return value
    if node.name:
        owner = node
    kept: JsonObject = {}
    for key, item in value.items():
        here = f"{path}.{key}" if path else key
        child = node.child(key)
        if child is None:
            findings.unknown.append(here)
            continue
        if item is None:
            continue
        # Go's messages name fields of structs only, never keys of maps.
        named = plain if "properties" not in node.schema else f"{plain}.{key}" if plain else key
        kept[key] = _walk(item, child, here, named, owner, findings)
    return kept


def _is_scalar(node: Node) -> bool:
    """Whether a schema without a type still means text or a number: quantities, and numbers that may be names."""
    return "oneOf" in node.schema or bool(node.schema.get("x-kubernetes-int-or-string"))


def _fits(value: JsonValue, node: Node) -> bool:
    schema = node.schema
    if schema.get("format") == "int-or-string" or schema.get("x-kubernetes-int-or-string"):
        return isinstance(value, (int, str)) and not isinstance(value, bool)
    if "oneOf" in schema and not node.type:  # resource quantities
        return isinstance(value, (int, float, str)) and not isinstance(value, bool)
    match node.type:
        case "":
            return True
        case "string":
            return isinstance(value, str)
        case "boolean":
            return isinstance(value, bool)
        case "integer":
            return isinstance(value, int) and not isinstance(value, bool) and _in_range(value, schema)
        case "number":
            return isinstance(value, (int, float)) and not isinstance(value, bool)
        case _:
            return False


def _in_range(value: int, schema: JsonObject) -> bool:
    limit = 1 << (31 if schema.get("format") == "int32" else 63)
    return -limit <= value < limit


def _go_type(node: Node) -> str:
    if node.type == "integer":
        return str(node.schema.get("format", "int64"))
    if node.type == "array":
        items = node.items()
        return "[]" + (_go_type(items) if items else "interface {}")
    if node.type == "object":
        values = node.child("*") if not node.name else None
        if values is not None:
            return f"map[string]{_go_type(values)}"
        return f"v1.{node.go_name}" if node.name else "map[string]interface {}"
    package = _PACKAGES.get(node.go_name, "v1")
    return _GO_TYPES.get(node.type, f"{package}.{node.go_name}")


def _go_value(value: JsonValue) -> str:
    match value:
        case bool():
            return "bool"
        case str():
            return "string"
        case int():
            return "number"
        case float():
            return f"number {value}"
        case list():
            return "array"
        case _:
            return "object"


def _mistyped(value: JsonValue, node: Node, plain: str, owner: Node, findings: Findings) -> None:
    if findings.mistyped is not None:
        return
    given = _go_value(value)
    if isinstance(value, int) and not isinstance(value, bool) and node.type == "integer":
        given = f"number {value}"
    struct = owner.go_name or "Object"
    findings.mistyped = f"json: cannot unmarshal {given} into Go struct field {struct}.{plain} of type {_go_type(node)}"


def populate(value: JsonValue, node: Node) -> JsonValue:
    """The value with every required field of its structs present (zero where it was missing).

    Go encodes such fields always; typed clients (kubernetes_asyncio, for one) refuse objects that lack them.
    """
    if isinstance(value, dict):
        filled = {}
        for key, item in value.items():
            child = None if node.preserves else node.child(key)
            filled[key] = populate(item, child) if child is not None else item
        if node.name:
            for key in node.required:
                child = node.child(key)
                if key not in filled and child is not None:
                    filled[key] = _zero(child)
        return filled
    if isinstance(value, list):
        items = node.items()
        return [populate(item, items) for item in value] if items is not None else value
    return value


def _zero(node: Node) -> JsonValue:
    match node.type:
        case "string":
            return None if node.schema.get("format") == "date-time" else ""
        case "integer" | "number":
            return 0
        case "boolean":
            return False
        case "array":
            return []
        case _:
            return {}
