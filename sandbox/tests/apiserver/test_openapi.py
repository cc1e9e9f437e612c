"""OpenAPI documents: what kubectl looks for in them."""

from typing import Any

import pytest

from linkerd_sandbox.apiserver import crds, openapi
from linkerd_sandbox.apiserver.kinds import BUILT_IN, Registry


def _references(value: Any) -> set[str]:
    if isinstance(value, list):
        return {name for item in value for name in _references(item)}
    if not isinstance(value, dict):
        return set()
    found = {name for item in value.values() for name in _references(item)}
    return found | {value["$ref"]} if isinstance(value.get("$ref"), str) else found


@pytest.mark.parametrize("path", sorted({kind.api_version for kind in BUILT_IN}))
def test_documents_are_whole(path: str) -> None:
    group, _, version = path.rpartition("/")
    document = openapi.document(Registry(), group, version)
    assert document is not None
    schemas = document["components"]["schemas"]
    assert {name.removeprefix("#/components/schemas/") for name in _references(document)} <= set(schemas)
    patches = [item["patch"] for item in document["paths"].values() if "patch" in item]
    listed = [kind for kind in BUILT_IN if kind.api_version == path and kind.listable]
    assert {patch["x-kubernetes-group-version-kind"]["kind"] for patch in patches} == {kind.kind for kind in listed}
    assert all("fieldValidation" in {item["name"] for item in patch["parameters"]} for patch in patches)


def test_the_index_changes_with_the_registry() -> None:
    registry = Registry()
    before = openapi.index(registry)["paths"]["apis/apps/v1"]
    versions = [{"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": {"type": "object"}}}]
    spec = {"group": "e.x", "names": {"plural": "as", "kind": "A"}, "scope": "Cluster", "versions": versions}
    registry.set_custom("as.e.x", crds.resource_types({"spec": spec}))
    after = openapi.index(registry)["paths"]
    assert after["apis/apps/v1"] != before
    assert "apis/e.x/v1" in after
    document = openapi.document(registry, "e.x", "v1")
    assert document is not None
    properties = document["components"]["schemas"]["x.e.v1.A"]["properties"]
    assert all(properties[name]["description"] for name in ("apiVersion", "kind", "metadata"))
    assert openapi.document(registry, "e.x", "v2") is None


def test_fields_are_described_where_they_refer_to_something() -> None:
    document = openapi.document(Registry(), "apps", "v1")
    assert document is not None
    schemas = document["components"]["schemas"]
    strategy = schemas["io.k8s.api.apps.v1.DeploymentSpec"]["properties"]["strategy"]
    assert strategy["description"].startswith("The deployment strategy to use")
    assert strategy["allOf"] == [{"$ref": "#/components/schemas/io.k8s.api.apps.v1.DeploymentStrategy"}]
    kind = schemas["io.k8s.api.apps.v1.Deployment"]["properties"]["kind"]
    assert "enum" not in kind
    assert kind["description"]
