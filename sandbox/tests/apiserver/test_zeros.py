"""Zero values that are given: what is not kept. The same and more, beside a real kube-apiserver: differential.yaml."""

import copy

import pytest

from linkerd_sandbox.apiserver import zeros
from linkerd_sandbox.apiserver.objects import JsonObject
from linkerd_sandbox.apiserver.schemas import of_kind

CRD = ("apiextensions.k8s.io", "v1", "CustomResourceDefinition")
POD = ("", "v1", "Pod")


def dropped(kind: tuple[str, str, str], body: JsonObject) -> JsonObject:
    node = of_kind(*kind)
    assert node is not None
    once = zeros.dropped(copy.deepcopy(body), node)
    assert zeros.dropped(copy.deepcopy(once), node) == once, "what is left is all kept"
    return once


@pytest.mark.parametrize(
    ("kind", "given", "kept"),
    [
        (POD, {"metadata": {"labels": {}, "annotations": {}, "finalizers": []}}, {"metadata": {}}),
        (POD, {"metadata": {"labels": {"a": ""}}}, {"metadata": {"labels": {"a": ""}}}),
        (
            POD,
            {"spec": {"hostNetwork": False, "automountServiceAccountToken": False, "terminationGracePeriodSeconds": 0}},
            {"spec": {"automountServiceAccountToken": False, "terminationGracePeriodSeconds": 0}},
        ),
        (
            POD,
            {"spec": {"containers": [{"name": "", "args": [""], "command": [], "env": [{"name": "A", "value": ""}]}]}},
            {"spec": {"containers": [{"name": "", "args": [""], "env": [{"name": "A"}]}]}},
        ),
        (
            POD,
            {"spec": {"containers": [{"securityContext": {"privileged": False, "runAsUser": 0}, "stdin": False}]}},
            {"spec": {"containers": [{"securityContext": {"privileged": False, "runAsUser": 0}}]}},
        ),
        (
            POD,
            {
                "spec": {
                    "volumes": [{"name": "v", "emptyDir": {}}, {"name": "h", "hostPath": {"path": "/", "type": ""}}]
                }
            },
            {
                "spec": {
                    "volumes": [{"name": "v", "emptyDir": {}}, {"name": "h", "hostPath": {"path": "/", "type": ""}}]
                }
            },
        ),
        (POD, {"spec": {"containers": []}}, {"spec": {"containers": []}}),
        (
            ("apps", "v1", "Deployment"),
            {"spec": {"replicas": 0, "paused": False, "minReadySeconds": 0}, "status": {"replicas": 0}},
            {"spec": {"replicas": 0}, "status": {}},
        ),
        (("rbac.authorization.k8s.io", "v1", "Role"), {"rules": []}, {"rules": []}),
        (("", "v1", "ConfigMap"), {"data": {"k": ""}, "binaryData": {}}, {"data": {"k": ""}}),
        (
            ("admissionregistration.k8s.io", "v1", "MutatingWebhookConfiguration"),
            {"webhooks": [{"name": "a", "clientConfig": {"caBundle": ""}, "timeoutSeconds": 0, "rules": []}]},
            {"webhooks": [{"name": "a", "clientConfig": {}, "timeoutSeconds": 0}]},
        ),
        (
            CRD,
            {"spec": {"preserveUnknownFields": False, "names": {"kind": "A", "shortNames": []}}},
            {"spec": {"names": {"kind": "A"}}},
        ),
        (
            CRD,
            {"spec": {"versions": [{"served": False, "storage": False, "deprecated": False}]}},
            {"spec": {"versions": [{"served": False, "storage": False}]}},
        ),
    ],
)
def test_what_is_kept(kind: tuple[str, str, str], given: JsonObject, kept: JsonObject) -> None:
    assert dropped(kind, given) == kept


def test_schemas_of_custom_kinds() -> None:
    schema: JsonObject = {
        "type": "object",
        "description": "",
        "required": [],
        "properties": {
            "a": {"type": "string", "nullable": False, "default": "", "minLength": 0},
            "b": {},
            "c": {"type": "array", "items": {"type": "string", "enum": []}},
        },
    }
    version: JsonObject = {"name": "v1", "schema": {"openAPIV3Schema": schema}}
    found = dropped(CRD, {"spec": {"versions": [version]}})["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    assert found["properties"]["a"] == {"type": "string", "default": "", "minLength": 0}
    assert found["properties"]["b"] == {}
    assert sorted(found) == ["properties", "type"]
