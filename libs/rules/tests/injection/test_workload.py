"""Where the pod template stands."""

import pytest

from linkerd_rules.injection import TEMPLATES, Malformed, pod_template, with_template
from linkerd_rules.injection.tree import JsonObject


def workload(kind: str, template: JsonObject) -> JsonObject:
    nested: JsonObject = template
    for key in reversed(TEMPLATES[kind]):
        nested = {key: nested, "other": 1}
    return {**nested, "kind": kind}


@pytest.mark.parametrize("kind", TEMPLATES)
def test_found_and_replaced(kind: str) -> None:
    template: JsonObject = {"spec": {"containers": []}}
    document = workload(kind, template)
    found = pod_template(document)
    assert found is not None
    assert found["spec"] == {"containers": []}
    replaced = with_template(document, {"spec": {"containers": [1]}, "kind": "Pod"})
    again = pod_template(replaced)
    assert again is not None
    assert again["spec"] == {"containers": [1]}
    assert document == workload(kind, template)


def test_other_kinds_have_none() -> None:
    assert pod_template({"kind": "Service", "spec": {}}) is None
    assert pod_template({"kind": 5}) is None
    assert pod_template({}) is None
    with pytest.raises(Malformed, match="kind"):
        with_template({"kind": "Service"}, {})


@pytest.mark.parametrize(
    ("document", "path"),
    [
        ({"kind": "Deployment"}, "spec"),
        ({"kind": "Deployment", "spec": {}}, "spec.template"),
        ({"kind": "CronJob", "spec": {"jobTemplate": {"spec": []}}}, "spec.jobTemplate.spec"),
    ],
)
def test_a_workload_without_its_template(document: JsonObject, path: str) -> None:
    with pytest.raises(Malformed) as error:
        pod_template(document)
    assert error.value.path == path
