"""Discovery documents."""

from linkerd_sandbox.apiserver import crds, discovery
from linkerd_sandbox.apiserver.kinds import Registry


def test_groups_and_versions_in_order() -> None:
    registry = Registry()
    names = [group["name"] for group in discovery.group_list(registry)["groups"]]
    assert names[:3] == ["apiregistration.k8s.io", "apps", "authentication.k8s.io"]
    assert "" not in names
    assert discovery.group_document(registry, "nope") is None
    assert discovery.resource_list(registry, "apps", "v2") is None


def test_ga_versions_are_preferred() -> None:
    registry = Registry()
    schema = {"openAPIV3Schema": {"type": "object"}}
    versions = [
        {"name": name, "served": True, "storage": name == "v1", "schema": schema}
        for name in ("v1alpha1", "v1", "v2beta1", "v2")
    ]
    spec = {"group": "e.x", "names": {"plural": "as", "kind": "A"}, "scope": "Cluster", "versions": versions}
    registry.set_custom("as.e.x", crds.resource_types({"spec": spec}))
    document = discovery.group_document(registry, "e.x")
    assert document is not None
    assert [version["version"] for version in document["versions"]] == ["v2", "v1", "v2beta1", "v1alpha1"]
    registry.set_custom("as.e.x", [])
    assert discovery.group_document(registry, "e.x") is None


def test_both_forms_list_the_same_resources() -> None:
    registry = Registry()
    plain = discovery.resource_list(registry, "apps", "v1")
    assert plain is not None
    groups = discovery.aggregated(registry, core=False, version="v2")["items"]
    apps = next(group for group in groups if group["metadata"]["name"] == "apps")["versions"][0]["resources"]
    names = {item["resource"] for item in apps}
    names |= {f"{item['resource']}/{sub['subresource']}" for item in apps for sub in item.get("subresources", ())}
    assert names == {item["name"] for item in plain["resources"]}
    scale = next(item for item in plain["resources"] if item["name"] == "deployments/scale")
    assert (scale["kind"], scale["group"], scale["version"]) == ("Scale", "autoscaling", "v1")
