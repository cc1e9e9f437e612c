"""Reading trees: absent, null, and of the wrong shape."""

from collections.abc import Callable

import pytest

from linkerd_rules.injection import tree
from linkerd_rules.injection.tree import Malformed


def test_absent_and_null_are_empty() -> None:
    for parent in ({}, {"a": None}):
        assert tree.child(dict(parent), "a", "spec") == {}
        assert tree.objects(dict(parent), "a", "spec") == []
        assert tree.strings(dict(parent), "a", "spec") == {}
        assert tree.text(dict(parent), "a") == ""
        assert tree.number(dict(parent), "a") is None


def test_attached_is_in_its_parent() -> None:
    parent: tree.JsonObject = {"a": None}
    tree.attached(parent, "a", "")["b"] = 1
    assert parent == {"a": {"b": 1}}


def test_copied_leaves_the_original_alone() -> None:
    original: tree.JsonObject = {"a": {"b": [1]}}
    parent = dict(original)
    tree.copied(parent, "a", "")["c"] = 2
    tree.copied(parent, "new", "")["d"] = 3
    assert original == {"a": {"b": [1]}}
    assert parent == {"a": {"b": [1], "c": 2}, "new": {"d": 3}}


@pytest.mark.parametrize(
    ("read", "value", "path"),
    [
        (tree.child, [], "spec.a"),
        (tree.attached, "x", "spec.a"),
        (tree.copied, "x", "spec.a"),
        (tree.objects, {}, "spec.a"),
        (tree.objects, [{}, 1], "spec.a[1]"),
        (tree.strings, {"k": 1}, "spec.a[k]"),
        (tree.strings, 5, "spec.a"),
    ],
)
def test_wrong_shapes_name_the_field(
    read: Callable[[tree.JsonObject, str, str], object], value: object, path: str
) -> None:
    with pytest.raises(Malformed, match=r".*") as error:
        read({"a": value}, "a", "spec")
    assert error.value.path == path
    assert str(error.value).startswith(f"{path}: must be")


def test_numbers_are_not_booleans() -> None:
    assert tree.number({"a": True}, "a") is None
    assert tree.number({"a": 8080}, "a") == 8080
    assert tree.number({"a": "8080"}, "a") is None
