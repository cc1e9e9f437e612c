"""Structural schemas of custom resources: pruning, defaults and validation. PURE.

As k8s.io/apiextensions-apiserver/pkg/apiserver/schema. CEL rules (`x-kubernetes-validations`) are kept and shown, not
evaluated.
"""

import base64
import ipaddress
import re
from collections.abc import Callable
from datetime import date, datetime
from functools import lru_cache
from uuid import UUID

from linkerd_sandbox.apiserver.fieldcheck import Findings, normalized
from linkerd_sandbox.apiserver.objects import JsonObject, JsonValue, copy, dig_list, dig_map, encode
from linkerd_sandbox.apiserver.schemas import Node, definition
from linkerd_sandbox.apiserver.status import Cause

_ROOT = ("apiVersion", "kind", "metadata")
_META = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"


def pruned(body: JsonObject, node: Node) -> tuple[JsonObject, Findings]:
    """The object without the fields that its schema does not know, and which they were."""
    findings = Findings()
    kept = {key: body[key] for key in _ROOT if key in body}
    if isinstance(kept.get("metadata"), dict):
        kept["metadata"], meta = normalized(kept["metadata"], definition(_META))
        findings.unknown += [f"metadata.{path}" for path in meta.unknown]
        findings.mistyped = meta.mistyped
    rest = {key: value for key, value in body.items() if key not in _ROOT}
    kept |= _prune_object(rest, node, "", findings)
    return kept, findings


def _prune(value: JsonValue, node: Node, path: str, findings: Findings) -> JsonValue:
    if isinstance(value, dict):
        return _prune_object(value, node, path, findings)
    if isinstance(value, list):
        items = node.items()
        if items is None:
            return value
        return [_prune(item, items, f"{path}[{index}]", findings) for index, item in enumerate(value)]
    return value


def _prune_object(value: JsonObject, node: Node, path: str, findings: Findings) -> JsonObject:
    schema = node.schema
    keeps = bool(schema.get("x-kubernetes-preserve-unknown-fields")) or schema.get("additionalProperties") is True
    kept: JsonObject = {}
    for key, item in value.items():
        here = f"{path}.{key}" if path else key
        child = node.child(key)
        embedded = schema.get("x-kubernetes-embedded-resource") and key in _ROOT
        if child is not None:
            kept[key] = _prune(item, child, here, findings)
        elif keeps or embedded:
            kept[key] = item
        else:
            findings.unknown.append(here)
    return kept


def defaulted(value: JsonValue, node: Node) -> JsonValue:
    """The value with the schema's defaults filled in, containers in place; nulls that have a default go."""
    if isinstance(value, dict):
        for key, schema in dig_map(node.schema, "properties").items():
            missing = key not in value or (value[key] is None and not schema.get("nullable"))
            if missing and isinstance(schema, dict) and "default" in schema:
                default = schema["default"]
                value[key] = copy({"": default})[""]
        for key, item in value.items():
            child = node.child(key)
            if child is not None:
                value[key] = defaulted(item, child)
    elif isinstance(value, list):
        items = node.items()
        if items is not None:
            for index, item in enumerate(value):
                value[index] = defaulted(item, items)
    return value


def validate(body: JsonObject, node: Node) -> list[Cause]:
    """What is wrong with a custom object."""
    rest = {key: value for key, value in body.items() if key not in _ROOT}
    schema = {**node.schema, "required": [key for key in dig_list(node.schema, "required") if key not in _ROOT]}
    root = Node(schema)
    return _check(rest, root, "")


def _shown(value: JsonValue) -> str:
    if isinstance(value, (dict, list)):
        return encode(value).decode()
    if isinstance(value, bool):
        return "true" if value else "false"
    return f'"{value}"' if isinstance(value, str) else str(value)


def _invalid(path: str, value: JsonValue, why: str) -> Cause:
    return Cause(path or "<nil>", "FieldValueInvalid", f"Invalid value: {_shown(value)}: {path} in body {why}")


def _unfit(path: str, why: str) -> Cause:
    """Of a combination of schemas, which has no field of its own."""
    return Cause("<nil>", "FieldValueInvalid", f'Invalid value: "": "{path}" {why}')


def _type_of(value: JsonValue) -> str:
    match value:
        case bool():
            return "boolean"
        case int():
            return "integer"
        case float():
            return "number"
        case str():
            return "string"
        case list():
            return "array"
        case None:
            return "null"
        case _:
            return "object"


def _type_fits(value: JsonValue, schema: JsonObject) -> bool:
    given = _type_of(value)
    if value is None and schema.get("nullable"):
        return True
    if schema.get("x-kubernetes-int-or-string"):
        return given in ("integer", "string")
    wanted = schema.get("type")
    if not wanted or given == wanted:
        return True
    if wanted == "integer":
        return isinstance(value, float) and value.is_integer()
    return bool(wanted == "number" and given == "integer")


def _check(value: JsonValue, node: Node, path: str) -> list[Cause]:
    schema = node.schema
    if not _type_fits(value, schema):
        given, wanted = (
            _type_of(value),
            "integer,string" if schema.get("x-kubernetes-int-or-string") else schema.get("type"),
        )
        why = f'must be of type {wanted}: "{given}"'
        mistyped = Cause(path or "<nil>", "FieldValueTypeInvalid", f'Invalid value: "{given}": {path} in body {why}')
        return [mistyped, *_check_choices(value, schema, path)]
    if value is None:
        return []
    causes = _check_choices(value, schema, path)
    match value:
        case bool():
            pass
        case int() | float():
            causes += _check_number(value, schema, path)
        case str():
            causes += _check_string(value, schema, path)
        case list():
            causes += _check_list(value, node, path)
        case dict():
            causes += _check_object(value, node, path)
    return causes + _check_logic(value, schema, path)


def _check_choices(value: JsonValue, schema: JsonObject, path: str) -> list[Cause]:
    choices = schema.get("enum")
    if not isinstance(choices, list) or value in choices:
        return []
    listed = ", ".join(_shown(item) for item in choices)
    why = f"Unsupported value: {_shown(value)}: supported values: {listed}"
    return [Cause(path, "FieldValueNotSupported", why)]


def _check_number(value: float, schema: JsonObject, path: str) -> list[Cause]:
    causes: list[Cause] = []
    low, high, step = schema.get("minimum"), schema.get("maximum"), schema.get("multipleOf")
    if low is not None and (value < low or (value == low and schema.get("exclusiveMinimum"))):
        word = "greater than" if schema.get("exclusiveMinimum") else "greater than or equal to"
        causes.append(_invalid(path, value, f"should be {word} {low}"))
    if high is not None and (value > high or (value == high and schema.get("exclusiveMaximum"))):
        word = "less than" if schema.get("exclusiveMaximum") else "less than or equal to"
        causes.append(_invalid(path, value, f"should be {word} {high}"))
    if step and value % step:
        causes.append(_invalid(path, value, f"should be a multiple of {step}"))
    return causes


@lru_cache(maxsize=512)
def _pattern(text: str) -> re.Pattern[str] | None:
    try:
        return re.compile(text)
    except re.error:  # Go's syntax is not quite Python's; what cannot be read is not enforced
        return None


def _check_string(value: str, schema: JsonObject, path: str) -> list[Cause]:
    causes: list[Cause] = []
    if len(value) < schema.get("minLength", 0):
        causes.append(_invalid(path, value, f"should be at least {schema['minLength']} chars long"))
    if "maxLength" in schema and len(value) > schema["maxLength"]:
        longest = schema["maxLength"]
        causes.append(Cause(path, "FieldValueTooLong", f"Too long: may not be more than {longest} bytes"))
    pattern = schema.get("pattern")
    compiled = _pattern(pattern) if isinstance(pattern, str) else None
    if compiled is not None and not compiled.search(value):
        causes.append(_invalid(path, value, f"should match '{pattern}'"))
    form = schema.get("format")
    reads = _FORMATS.get(form) if isinstance(form, str) else None
    if reads is not None and not reads(value):
        why = f'Invalid value: "{value}": {path} in body must be of type {form}: "{value}"'
        causes.append(Cause(path, "FieldValueTypeInvalid", why))
    return causes


def _reads(parse: Callable[[str], object]) -> Callable[[str], bool]:
    def check(text: str) -> bool:
        try:
            parse(text)
        except ValueError:
            return False
        return True

    return check


_FORMATS: dict[str, Callable[[str], bool]] = {
    "date-time": lambda text: "T" in text.upper() and _reads(datetime.fromisoformat)(text),
    "date": _reads(date.fromisoformat),
    "ipv4": _reads(ipaddress.IPv4Address),
    "ipv6": _reads(ipaddress.IPv6Address),
    "cidr": lambda text: "/" in text and _reads(lambda one: ipaddress.ip_network(one, strict=False))(text),
    "uuid": _reads(UUID),
    "byte": _reads(lambda text: base64.b64decode(text, validate=True)),
}
"""Formats of strings that are checked; Kubernetes ignores those that it does not know, and so do we."""


def _check_list(value: list[JsonValue], node: Node, path: str) -> list[Cause]:
    causes: list[Cause] = []
    schema = node.schema
    if len(value) < schema.get("minItems", 0):
        causes.append(_invalid(path, len(value), f"should have at least {schema['minItems']} items"))
    if "maxItems" in schema and len(value) > schema["maxItems"]:
        causes.append(
            Cause(path, "FieldValueTooMany", f"Too many: {len(value)}: must have at most {schema['maxItems']} items")
        )
    seen: set[bytes] = set()
    keys = schema.get("x-kubernetes-list-map-keys") if schema.get("x-kubernetes-list-type") == "map" else None
    unique = keys or schema.get("x-kubernetes-list-type") == "set"
    items = node.items()
    for index, item in enumerate(value):
        if unique:
            mark = encode([item.get(key) for key in keys] if keys and isinstance(item, dict) else item)
            if mark in seen:
                shown = {key: item.get(key) for key in keys} if keys and isinstance(item, dict) else item
                causes.append(Cause(f"{path}[{index}]", "FieldValueDuplicate", f"Duplicate value: {_shown(shown)}"))
            seen.add(mark)
        if items is not None:
            causes += _check(item, items, f"{path}[{index}]")
    return causes


def _check_object(value: JsonObject, node: Node, path: str) -> list[Cause]:
    schema = node.schema
    missing = [f"{path}.{key}" if path else key for key in node.required if key not in value]
    causes = [Cause(field, "FieldValueRequired", "Required value") for field in missing]
    if len(value) < schema.get("minProperties", 0):
        causes.append(_invalid(path, len(value), f"should have at least {schema['minProperties']} properties"))
    if "maxProperties" in schema and len(value) > schema["maxProperties"]:
        causes.append(_invalid(path, len(value), f"should have at most {schema['maxProperties']} properties"))
    for key, item in value.items():
        child = node.child(key)
        if child is not None:
            causes += _check(item, child, f"{path}.{key}" if path else key)
    return causes


def _check_logic(value: JsonValue, schema: JsonObject, path: str) -> list[Cause]:
    causes: list[Cause] = []
    for part in dig_list(schema, "allOf"):
        causes += _check(value, Node(part), path)
    parts = dig_list(schema, "anyOf")
    if parts and all(_check(value, Node(part), path) for part in parts):
        causes.append(_unfit(path, "must validate at least one schema (anyOf)"))
        causes += _check(value, Node(parts[0]), path)
    parts = dig_list(schema, "oneOf")
    if parts:
        fitting = sum(not _check(value, Node(part), path) for part in parts)
        if fitting != 1:
            found = "Found none valid" if fitting == 0 else f"Found {fitting} valid alternatives"
            causes.append(_unfit(path, f"must validate one and only one schema (oneOf). {found}"))
            causes += _check(value, Node(parts[0]), path) if fitting == 0 else []
    banned = schema.get("not")
    if isinstance(banned, dict) and not _check(value, Node(banned), path):
        causes.append(_unfit(path, "must not validate the schema (not)"))
    return causes
