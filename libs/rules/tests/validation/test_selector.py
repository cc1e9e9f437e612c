"""Label selectors against labels."""

from typing import Any

import pytest

from linkerd_rules.validation.fields import Fields, Problem
from linkerd_rules.validation.selector import read_labels, read_selector


def expression(operator: str, *values: str) -> dict[str, Any]:
    return {"matchExpressions": [{"key": "app", "operator": operator, "values": list(values)}]}


@pytest.mark.parametrize(
    ("selector", "labels", "selected"),
    [
        ({}, {}, True),
        ({"matchLabels": {"app": "web"}}, {"app": "web", "b": "c"}, True),
        ({"matchLabels": {"app": "web"}}, {"app": "api"}, False),
        ({"matchLabels": {"app": "web"}}, {}, False),
        (expression("In", "web", "api"), {"app": "api"}, True),
        (expression("In", "web"), {}, False),
        (expression("NotIn", "web"), {"app": "web"}, False),
        (expression("NotIn", "web"), {}, True),
        (expression("Exists"), {"app": ""}, True),
        (expression("Exists"), {}, False),
        (expression("DoesNotExist"), {}, True),
        (expression("DoesNotExist"), {"app": "x"}, False),
    ],
)
def test_selects(selector: dict[str, Any], labels: dict[str, str], selected: bool) -> None:
    problems: list[Problem] = []
    assert read_selector(Fields(selector, "s", problems)).selects(labels) is selected
    assert problems == []


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        (expression("In"), "s.matchExpressions[0].values: is required with In"),
        (expression("Exists", "a"), "s.matchExpressions[0].values: must be empty with Exists"),
        (expression("Is", "a"), "s.matchExpressions[0].operator: 'Is' is not one of In"),
        ({"matchLabels": {"a": 1}}, "s.matchLabels.a: must be a string"),
        ({"app": "web"}, "s.app: unknown field"),
    ],
)
def test_problems(selector: dict[str, Any], expected: str) -> None:
    problems: list[Problem] = []
    read_selector(Fields(selector, "s", problems))
    assert any(expected in str(problem) for problem in problems)


def test_labels_are_sorted() -> None:
    assert read_labels(Fields({"b": "1", "a": "2"}, "s", [])) == (("a", "2"), ("b", "1"))
    assert read_labels(None) == ()
