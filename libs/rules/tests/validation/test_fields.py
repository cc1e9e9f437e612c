"""The reader of objects: every fault at its place, and never an exception."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkerd_rules.validation.fields import Fields, Problem, is_dns_label, is_dns_name

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)
READS: list[Callable[[Fields], Any]] = [
    lambda f: f.text("a", required=True),
    lambda f: f.boolean("a"),
    lambda f: f.integer("a", 0, 9),
    lambda f: f.number("a", 0, 9),
    lambda f: f.choice("a", ("x", "y"), "x"),
    lambda f: f.duration_ms("a"),
    lambda f: f.regex("a"),
    lambda f: f.child("a"),
    lambda f: f.children("a"),
    lambda f: f.texts("a"),
    lambda f: f.one_of("a", "b"),
]


@given(JSON, st.sampled_from(READS))
def test_any_json_is_read(value: object, read: Callable[[Fields], Any]) -> None:
    problems: list[Problem] = []
    fields = Fields({"a": value}, "spec", problems)
    read(fields)
    Fields(value, "spec", problems).done()
    assert all(problem.path.startswith("spec") for problem in problems)


@pytest.mark.parametrize(
    ("value", "read", "expected"),
    [
        ({}, lambda f: f.text("a", required=True), "s.a: is required"),
        ({"a": 1}, lambda f: f.text("a"), "s.a: must be a string, not a number"),
        ({"a": 11}, lambda f: f.integer("a", 0, 9), "s.a: must be a whole number from 0 to 9, not 11"),
        (
            {"a": "blu"},
            lambda f: f.choice("a", ("blue", "red")),
            "s.a: 'blu' is not one of blue, red; did you mean blue?",
        ),
        ({"a": "1"}, lambda f: f.duration_ms("a"), "s.a: '1' is not a duration"),
        ({"a": [""]}, lambda f: f.texts("a"), "s.a[0]: must be a string that is not empty"),
        ({"a": [1]}, lambda f: f.children("a"), "s.a[0]: must be an object, not a number"),
        ({}, lambda f: f.one_of("a", "b"), "s: exactly one of a, b must be set; none is"),
        ({"a": 1, "b": 1}, lambda f: f.one_of("a", "b"), "s: exactly one of a, b must be set; a and b are"),
        ({"ab": 1}, lambda f: (f.text("abc"), f.done()), "s.ab: unknown field; did you mean abc?"),
        ({"zz": 1}, lambda f: f.done(), "s.zz: unknown field; remove it"),
    ],
)
def test_problems(value: object, read: Callable[[Fields], Any], expected: str) -> None:
    problems: list[Problem] = []
    read(Fields(value, "s", problems))
    assert [str(problem) for problem in problems if expected in str(problem)]


def test_names_in_dns() -> None:
    assert is_dns_label("web-svc")
    assert not is_dns_label("Web")
    assert is_dns_name("web.ns.svc.cluster.local")
    assert not is_dns_name("a..b")
    assert not is_dns_name("")
