"""TrafficSplits: what is read and what is refused."""

from typing import Any

import pytest
import yaml

from linkerd_rules.validation.split import Leaf, read_traffic_split


def split(backends: str, service: str = "web") -> Any:
    return yaml.safe_load(
        f"metadata: {{name: s, namespace: ns}}\nspec: {{service: '{service}', backends: [{backends}]}}"
    )


def test_a_good_one() -> None:
    reading = read_traffic_split(
        split("{service: a, weight: 80}, {service: b.ns.svc.cluster.local, weight: 500m}", "web.ns")
    )
    assert reading.problems == []
    assert reading.value.service == "web"
    assert reading.value.backends == (Leaf(service="a", weight=80_000), Leaf(service="b", weight=500))


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        (split("{service: a, weight: -1}"), "spec.backends[0].weight: must not be negative, and is -1"),
        (split("{service: a}"), "spec.backends[0].weight: is required"),
        (split("{weight: 1}"), "spec.backends[0].service: is required"),
        (split("{service: a, weight: 1}, {service: a, weight: 1}"), "a is listed twice"),
        (split("{service: a.other, weight: 1}"), "'a.other' is not the name of a Service of namespace ns"),
        (split(""), "spec.backends: must name at least one Service"),
        (split("{service: a, weight: 1, wait: 1}"), "spec.backends[0].wait: unknown field; did you mean weight?"),
        ({"metadata": {"name": "s"}}, "spec: is required"),
        ([], "must be an object, not a list"),
    ],
)
def test_what_is_wrong_is_named(document: Any, expected: str) -> None:
    assert any(expected in str(problem) for problem in read_traffic_split(document).problems)
