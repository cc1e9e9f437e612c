"""The values document, JSON or YAML."""

import pytest

from linkerd_runtime.values import parse_values


@pytest.mark.parametrize("text", ['{"a": {"b": 1}}', "a:\n  b: 1\n", "# by hand\na: {b: 1}"])
def test_json_and_yaml(text: str) -> None:
    assert parse_values(text) == {"a": {"b": 1}}


def test_empty_yaml_is_an_empty_document() -> None:
    assert parse_values("# nothing\n") == {}


@pytest.mark.parametrize("text", ["[1]", "a: [", "1", '{"a": 1}}', "1: 2", "!!python/object:os.system {}"])
def test_what_is_no_values_document(text: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        parse_values(text)
