"""Look-ups and label selectors."""

import pytest

from linkerd_kube.objects import JsonObject
from linkerd_sandbox import fields


def test_digging() -> None:
    obj: JsonObject = {"a": {"b": [1], "c": {"d": "x"}, "n": None}}
    assert fields.dig(obj, "a", "c", "d") == "x"
    assert fields.dig(obj, "a", "b", "d") is None
    assert fields.dig_list(obj, "a", "b") == [1]
    assert fields.dig_list(obj, "a", "n") == []
    assert fields.dig_map(obj, "a", "n") == {}


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        ({}, True),
        ({"matchLabels": {"app": "web"}}, True),
        ({"matchLabels": {"app": "db"}}, False),
        ({"matchExpressions": [{"key": "app", "operator": "In", "values": ["web", "db"]}]}, True),
        ({"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["web"]}]}, False),
        ({"matchExpressions": [{"key": "tier", "operator": "NotIn", "values": ["web"]}]}, True),
        ({"matchExpressions": [{"key": "app", "operator": "Exists"}]}, True),
        ({"matchExpressions": [{"key": "app", "operator": "DoesNotExist"}]}, False),
        ({"matchExpressions": [{"key": "app", "operator": "Like"}]}, False),
    ],
)
def test_selectors(selector: JsonObject, expected: bool) -> None:
    assert fields.selects(selector, {"app": "web"}) is expected


def test_owners() -> None:
    references = [{"name": "a"}, {"name": "b", "controller": True}]
    owner = fields.owner_of({"metadata": {"ownerReferences": references}})
    assert owner is not None
    assert owner["name"] == "b"
    assert fields.owner_of({"metadata": {}}) is None
