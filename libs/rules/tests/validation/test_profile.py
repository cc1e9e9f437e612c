"""ServiceProfiles: messages name the field and the fix. What good ones become is tested with the documents."""

from typing import Any

import pytest
import yaml

from linkerd_rules.validation.profile import read_service_profile

GOOD = """
metadata: {name: web.ns.svc.cluster.local, namespace: ns}
spec:
  routes:
  - name: a
    condition: {method: GET}
"""


def problems(text: str) -> list[str]:
    document: Any = yaml.safe_load(text)
    return [str(problem) for problem in read_service_profile(document).problems]


def test_a_good_one() -> None:
    assert problems(GOOD) == []


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("name: web.ns.svc.cluster.local", "name: Web", "metadata.name: 'Web' is no name in DNS"),
        ("method: GET", "metod: GET", "spec.routes[0].condition.metod: unknown field; did you mean method?"),
        ("{method: GET}", "{}", "spec.routes[0].condition: must not be empty"),
        ("condition: {method: GET}", "", "spec.routes[0].condition: is required"),
        ("name: a", "name: ''", "spec.routes[0].name: must not be empty"),
        ("method: GET", "pathRegex: '('", "spec.routes[0].condition.pathRegex: '(' is not a regular expression"),
        ("method: GET", "not: {pathRegex: '(?=a)'}", "spec.routes[0].condition.not.pathRegex"),
        ("method: GET", "all: {}", "spec.routes[0].condition.all: must be a list, not an object"),
        ("{method: GET}", "{method: GET}\n    timeout: ten", "spec.routes[0].timeout: 'ten' is not a duration"),
        ("{method: GET}", "{method: GET}\n    isRetryable: 1", "spec.routes[0].isRetryable: must be true or false"),
        (
            "{method: GET}",
            "{method: GET}\n    responseClasses: [{condition: {status: {min: 50}}}]",
            "spec.routes[0].responseClasses[0].condition.status.min: must be a whole number from 100 to 599",
        ),
        (
            "{method: GET}",
            "{method: GET}\n    responseClasses: [{condition: {status: {min: 500, max: 400}}}]",
            "max: must not be smaller than min (500)",
        ),
        (
            "{method: GET}",
            "{method: GET}\n    retryPolicy: {retryOn: 7xx}",
            "spec.routes[0].retryPolicy.retryOn: '7xx' is not 5xx",
        ),
        (
            "spec:",
            "spec:\n  dstOverrides: [{authority: a.b, weight: -1}]",
            "dstOverrides[0].weight: must not be negative",
        ),
        (
            "spec:",
            "spec:\n  dstOverrides: [{authority: a.b, weight: x}]",
            "dstOverrides[0].weight: 'x' is not a weight",
        ),
        ("spec:", "spec:\n  dstOverrides: [{authority: 'a b', weight: 1}]", "dstOverrides[0].authority: 'a b'"),
        ("spec:", "spec:\n  opaquePorts: ['70000']", "spec.opaquePorts[0]"),
        ("spec:", "spec:\n  retryBudget: {retryRatio: -1, minRetriesPerSecond: 1, ttl: 10s}", "retryBudget.retryRatio"),
        ("spec:", "spec:\n  retryBudget: {retryRatio: 0.1, ttl: 10s}", "minRetriesPerSecond: is required"),
        (
            "spec:",
            "spec:\n  retryBudget: {retryRatio: 0.1, minRetriesPerSecond: 1, ttl: 2h}",
            "ttl: must be from 1s to 60s",
        ),
        ("spec:", "spec:\n  routs: []", "spec.routs: unknown field; did you mean routes?"),
    ],
)
def test_what_is_wrong_is_named(old: str, new: str, expected: str) -> None:
    [problem, *_] = [p for p in problems(GOOD.replace(old, new, 1)) if expected in p] or [
        str(problems(GOOD.replace(old, new, 1)))
    ]
    assert expected in problem


def test_conditions_that_nest_without_end_are_refused() -> None:
    condition: dict[str, Any] = {"method": "GET"}
    for _ in range(200):
        condition = {"not": condition}
    document = yaml.safe_load(GOOD)
    document["spec"]["routes"][0]["condition"] = condition
    assert any("nest deeper" in str(problem) for problem in read_service_profile(document).problems)
