"""Structural schemas: pruning, defaults, validation."""

from typing import Any

import pytest

from linkerd_sandbox.apiserver.objects import dig
from linkerd_sandbox.apiserver.schemas import Node
from linkerd_sandbox.apiserver.structural import defaulted, pruned, validate


def _object(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": {"spec": {"type": "object", "properties": properties}}}


@pytest.mark.parametrize(
    ("schema", "spec", "expected", "unknown"),
    [
        (_object(a={"type": "string"}), {"a": "1", "b": 2}, {"a": "1"}, ["spec.b"]),
        (
            _object(a={"type": "array", "items": {"type": "object", "properties": {"x": {"type": "string"}}}}),
            {"a": [{"x": "1", "y": 2}]},
            {"a": [{"x": "1"}]},
            ["spec.a[0].y"],
        ),
        (
            _object(a={"type": "object", "x-kubernetes-preserve-unknown-fields": True}),
            {"a": {"any": {"thing": 1}}},
            {"a": {"any": {"thing": 1}}},
            [],
        ),
        (
            _object(a={"type": "object", "additionalProperties": {"type": "string"}}),
            {"a": {"k": "v"}},
            {"a": {"k": "v"}},
            [],
        ),
        (_object(a={"type": "object"}), {"a": {"k": "v"}}, {"a": {}}, ["spec.a.k"]),
    ],
)
def test_pruning(schema: dict[str, Any], spec: Any, expected: Any, unknown: list[str]) -> None:
    body = {"apiVersion": "a/v1", "kind": "A", "metadata": {"name": "x"}, "spec": spec}
    kept, findings = pruned(body, Node(schema))
    assert (kept["spec"], findings.unknown) == (expected, unknown)
    assert kept["metadata"] == {"name": "x"}


def test_metadata_is_pruned_too() -> None:
    kept, findings = pruned({"metadata": {"name": "x", "nme": "y"}}, Node({"type": "object"}))
    assert (kept["metadata"], findings.unknown) == ({"name": "x"}, ["metadata.nme"])


def test_defaults_reach_as_far_as_there_are_objects() -> None:
    schema = _object(
        a={"type": "integer", "default": 3},
        b={"type": "object", "default": {}, "properties": {"c": {"type": "string", "default": "x"}}},
        d={"type": "object", "properties": {"e": {"type": "string", "default": "x"}}},
        f={"type": "string", "nullable": True, "default": "x"},
        g={"type": "string", "default": "x"},
    )
    body: dict[str, Any] = {"spec": {"f": None, "g": None}}
    assert dig(defaulted(body, Node(schema)), "spec") == {"a": 3, "b": {"c": "x"}, "f": None, "g": "x"}


@pytest.mark.parametrize(
    ("schema", "value", "message"),
    [
        ({"type": "integer"}, "x", 'Invalid value: "string": spec.v in body must be of type integer: "string"'),
        ({"type": "integer"}, True, 'Invalid value: "boolean": spec.v in body must be of type integer: "boolean"'),
        ({"type": "string"}, 1, 'Invalid value: "integer": spec.v in body must be of type string: "integer"'),
        ({"type": "object"}, [], 'Invalid value: "array": spec.v in body must be of type object: "array"'),
        ({"type": "string", "enum": ["a", "b"]}, "c", 'Unsupported value: "c": supported values: "a", "b"'),
        ({"type": "string", "pattern": "^a+$"}, "b", "Invalid value: \"b\": spec.v in body should match '^a+$'"),
        ({"type": "string", "minLength": 2}, "b", 'Invalid value: "b": spec.v in body should be at least 2 chars long'),
        ({"type": "string", "maxLength": 1}, "bb", "Too long: may not be more than 1 bytes"),
        ({"type": "integer", "minimum": 1}, 0, "Invalid value: 0: spec.v in body should be greater than or equal to 1"),
        (
            {"type": "integer", "maximum": 1, "exclusiveMaximum": True},
            1,
            "Invalid value: 1: spec.v in body should be less than 1",
        ),
        ({"type": "number", "multipleOf": 2}, 3, "Invalid value: 3: spec.v in body should be a multiple of 2"),
        ({"type": "array", "minItems": 1}, [], "Invalid value: 0: spec.v in body should have at least 1 items"),
        ({"type": "array", "maxItems": 0}, [1], "Too many: 1: must have at most 0 items"),
        (
            {"type": "array", "x-kubernetes-list-type": "set", "items": {"type": "string"}},
            ["a", "a"],
            'Duplicate value: "a"',
        ),
        (
            {"anyOf": [{"type": "string"}, {"type": "integer"}], "x-kubernetes-int-or-string": True},
            1.5,
            "must be of type integer,string",
        ),
        ({"type": "string", "format": "date-time"}, "yesterday", "must be of type date-time"),
        ({"type": "string", "format": "ipv4"}, "1.2.3", "must be of type ipv4"),
        ({"type": "string", "format": "uuid"}, "x", "must be of type uuid"),
        ({"type": "string", "format": "cidr"}, "10.0.0.1", "must be of type cidr"),
        ({"type": "string", "not": {"enum": ["a"]}}, "a", '"spec.v" must not validate the schema (not)'),
        (
            {"type": "string", "oneOf": [{"enum": ["a"]}, {"minLength": 1}]},
            "a",
            '"spec.v" must validate one and only one schema (oneOf)',
        ),
        ({"type": "object", "required": ["a"]}, {}, "Required value"),
        ({"type": "object", "minProperties": 1}, {}, "should have at least 1 properties"),
    ],
)
def test_values_that_are_wrong(schema: dict[str, Any], value: Any, message: str) -> None:
    causes = validate({"spec": {"v": value}}, Node(_object(v=schema)))
    assert any(message in cause.message for cause in causes), causes
    assert all(cause.field.startswith("spec.v") or '"spec.v" must' in cause.message for cause in causes)


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"type": "integer"}, 1),
        ({"type": "integer"}, 1.0),
        ({"type": "number"}, 1),
        ({"type": "string", "nullable": True}, None),
        ({"x-kubernetes-int-or-string": True}, "50%"),
        ({"type": "array", "items": {"type": "integer"}}, [1, 2]),
        ({"type": "string", "pattern": "(?P<go"}, "x"),
        ({"type": "string", "allOf": [{"minLength": 1}]}, "x"),
    ],
)
def test_values_that_are_right(schema: dict[str, Any], value: Any) -> None:
    assert validate({"spec": {"v": value}}, Node(_object(v=schema))) == []
