"""CustomResourceDefinitions: what is accepted, what they serve."""

import copy
from typing import Any

import pytest

from linkerd_sandbox.apiserver import crds

CRD: dict[str, Any] = {
    "metadata": {"name": "widgets.example.com"},
    "spec": {
        "group": "example.com",
        "names": {"plural": "widgets", "kind": "Widget", "singular": "widget", "listKind": "WidgetList"},
        "scope": "Namespaced",
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "subresources": {"status": {}},
                "schema": {"openAPIV3Schema": {"type": "object", "properties": {"spec": {"type": "object"}}}},
            },
            {"name": "v1beta1", "served": False, "storage": False, "schema": {"openAPIV3Schema": {"type": "object"}}},
        ],
    },
}


def test_served_versions_become_resource_types() -> None:
    (kind,) = crds.resource_types(CRD)
    assert (kind.qualified, kind.version, kind.subresources) == ("widgets.example.com", "v1", ("status",))
    assert kind.custom is not None
    assert kind.custom.storage_version == "v1"


def test_names_are_filled_in_and_status_follows() -> None:
    bare = copy.deepcopy(CRD)
    bare["spec"]["names"] = {"plural": "widgets", "kind": "Widget"}
    filled = crds.defaulted(bare)
    assert filled["spec"]["names"]["singular"] == "widget"
    assert filled["spec"]["names"]["listKind"] == "WidgetList"
    status = crds.accepted_status(filled, "2023-01-01T00:00:00Z")
    assert [condition["type"] for condition in status["conditions"]] == ["NamesAccepted", "Established"]
    assert status["storedVersions"] == ["v1"]
    again = crds.accepted_status({**filled, "status": status}, "2024-01-01T00:00:00Z")
    assert again == status


def test_a_good_definition_has_nothing_wrong() -> None:
    assert crds.validate(CRD) == []


def _set(path: str, value: Any) -> dict[str, Any]:
    changed = copy.deepcopy(CRD)
    place: Any = changed
    *parents, last = path.split(".")
    for part in parents:
        place = place[int(part)] if part.isdigit() else place[part]
    place[last] = value
    return changed


SCHEMA = "spec.versions.0.schema.openAPIV3Schema"


@pytest.mark.parametrize(
    ("path", "value", "field"),
    [
        ("metadata.name", "other", "metadata.name"),
        ("spec.group", "example", "spec.group"),
        ("spec.scope", "Global", "spec.scope"),
        ("spec.names.kind", "", "spec.names.kind"),
        ("spec.names.singular", "Widget", "spec.names.singular"),
        ("spec.versions", [], "spec.versions"),
        ("spec.versions.1.storage", True, "spec.versions"),
        ("spec.versions.0.name", "V1", "spec.versions[0].name"),
        ("spec.versions.0.schema", None, "spec.versions[0].schema.openAPIV3Schema"),
        (f"{SCHEMA}.type", "string", "spec.versions[0].schema.openAPIV3Schema.type"),
        (f"{SCHEMA}.type", "", "spec.versions[0].schema.openAPIV3Schema.type"),
        (
            f"{SCHEMA}.properties.spec.type",
            "strin",
            "spec.versions[0].schema.openAPIV3Schema.properties[spec].type",
        ),
        (f"{SCHEMA}.properties.spec", {}, "spec.versions[0].schema.openAPIV3Schema.properties[spec].type"),
        (f"{SCHEMA}.properties.spec.$ref", "x", "spec.versions[0].schema.openAPIV3Schema.properties[spec].$ref"),
        ("spec.conversion", {"strategy": "Webhook"}, "spec.conversion.strategy"),
    ],
)
def test_mistakes_name_their_field(path: str, value: Any, field: str) -> None:
    assert field in [cause.field for cause in crds.validate(_set(path, value))]
