"""Reading objects of any shape."""

from linkerd_cli.tree import JsonObject, integer, labels, mapping, meta, objects, text


def test_what_is_there() -> None:
    obj: JsonObject = {"metadata": {"name": "a", "labels": {"x": "1"}}, "items": [{"n": 1}], "n": 3}
    assert mapping(obj, "metadata")["name"] == "a"
    assert (meta(obj, "name"), labels(obj), objects(obj, "items"), integer(obj, "n")) == (
        "a",
        {"x": "1"},
        [{"n": 1}],
        3,
    )


def test_what_is_not_or_is_something_else_is_empty() -> None:
    obj: JsonObject = {"metadata": None, "items": {"a": 1}, "n": True, "list": [1, {"a": 1}], "t": 5}
    assert (mapping(obj, "metadata"), mapping(obj, "n"), meta(obj, "name"), labels(obj)) == ({}, {}, "", {})
    assert (objects(obj, "items"), objects(obj, "list"), integer(obj, "n"), text(obj, "t")) == ([], [{"a": 1}], 0, "")
