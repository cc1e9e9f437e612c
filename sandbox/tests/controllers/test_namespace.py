"""What a namespace's deletion covers; the deletion itself is in test_supervisor."""

from linkerd_kube.resource import Resource
from linkerd_sandbox.controllers import namespace


def test_kinds_that_can_be_listed_and_deleted() -> None:
    entries = [
        {"name": "pods", "kind": "Pod", "namespaced": True, "verbs": ["list", "delete"]},
        {"name": "pods/log", "kind": "Pod", "namespaced": True, "verbs": ["get"]},
        {"name": "bindings", "kind": "Binding", "namespaced": True, "verbs": ["create"]},
        {"name": "nodes", "kind": "Node", "namespaced": False, "verbs": ["list", "delete"]},
    ]
    assert namespace.deletable({"resources": entries}, "", "v1") == [Resource("", "v1", "pods", "Pod")]


def test_one_version_a_group() -> None:
    groups = {"groups": [{"name": "apps", "preferredVersion": {"version": "v1"}}, {"name": "broken"}]}
    assert namespace.preferred(groups) == [("apps", "v1")]
