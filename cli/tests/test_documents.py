"""Streams of documents, and scalars that must not change their type."""

import json

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from linkerd_cli.documents import Document, dump_json, dump_yaml, load, split
from linkerd_cli.errors import CliError


def _texts(text: str) -> list[tuple[int, str]]:
    return [(d.line, d.text) for d in split(text, "f")]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("a: 1\n", [(1, "a: 1\n")]),
        ("a: 1\n---\nb: 2\n", [(1, "a: 1\n"), (3, "b: 2\n")]),
        ("---\na: 1\n---\n", [(2, "a: 1\n")]),
        ("---   # comment\na: 1\n", [(2, "a: 1\n")]),
        ("--- {a: 1}\n---\nb: 2", [(1, "{a: 1}\n"), (3, "b: 2")]),
        ("a: 1\r\n---\r\nb: 2\r\n", [(1, "a: 1\n"), (3, "b: 2\n")]),
        ("a: |\n  ---\n  x\n", [(1, "a: |\n  ---\n  x\n")]),
        ("\ufeffa: 1\n", [(1, "a: 1\n")]),
    ],
)
def test_split(text: str, expected: list[tuple[int, str]]) -> None:
    assert _texts(text) == expected


def _load(text: str) -> object:
    return load(Document("f", 1, text))


def test_scalars_are_read_as_kubernetes_reads_them() -> None:
    assert _load("t: 2026-01-02T03:04:05Z\nf: 1e3\ni: 0x10\nb: true\n") == {
        "t": "2026-01-02T03:04:05Z",
        "f": 1000.0,
        "i": 16,
        "b": True,
    }


def test_json_may_be_indented_with_tabs() -> None:
    assert _load('{\n\t"a": [1]\n}\n') == {"a": [1]}


@pytest.mark.parametrize(
    ("text", "where"),
    [("a: [1\nb: 2\n", "f:11:2"), ("a: b: c\n", "f:10:5"), ("\tx: 1\n", "f:10:1"), ("{a\n", "f:11:1")],
)
def test_what_is_not_yaml_has_file_line_and_column(text: str, where: str) -> None:
    with pytest.raises(CliError) as caught:
        load(Document("f", 10, text))
    assert str(caught.value).startswith(where + ": "), caught.value
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "text", ["1e3", "0o17", "y", "N", "007", "=", "true", "null", "1_000", "0x1F", "12:30", "~", ""]
)
def test_strings_that_look_like_something_else_are_quoted(text: str) -> None:
    assert dump_yaml({"v": text}) == f"v: '{text}'\n"


_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(_JSON)
def test_what_is_written_reads_the_same(value: object) -> None:
    text = dump_yaml(value)
    assert load(Document("f", 1, text)) == value
    assert json.loads(dump_json(value)) == value


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126)))
def test_another_reader_takes_strings_for_strings(value: str) -> None:
    assert yaml.safe_load(dump_yaml({"v": value})) == {"v": value}


def test_keys_are_sorted_and_long_lines_stay_whole() -> None:
    long = "word " * 60
    assert dump_yaml({"b": long.strip(), "a": 1}) == f"a: 1\nb: {long.strip()}\n"


def test_blank() -> None:
    assert Document("f", 1, "# licence\n\n").blank
    assert not Document("f", 1, "# licence\na: 1\n").blank
