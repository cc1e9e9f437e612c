"""Field checks of request bodies, and the population of required fields."""

from typing import Any

import pytest

from linkerd_sandbox.apiserver.fieldcheck import normalized, populate
from linkerd_sandbox.apiserver.objects import dig
from linkerd_sandbox.apiserver.schemas import Node, of_kind


def _node(kind: str = "Pod") -> Node:
    found = of_kind("", "v1", kind)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("spec", "unknown"),
    [
        ({"nodeName": "n"}, []),
        ({"nodName": "n"}, ["spec.nodName"]),
        ({"containers": [{"name": "c"}, {"nam": "d"}]}, ["spec.containers[1].nam"]),
        ({"volumes": [{"name": "v", "emptyDir": {"size": 1}}]}, ["spec.volumes[0].emptyDir.size"]),
        ({"nodeSelector": {"any": "key"}}, []),
    ],
)
def test_unknown_fields(spec: dict[str, Any], unknown: list[str]) -> None:
    assert normalized({"spec": spec}, _node())[1].unknown == unknown


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"nodeName": 1}, "number into Go struct field PodSpec.spec.nodeName of type string"),
        ({"containers": {}}, "object into Go struct field PodSpec.spec.containers of type []v1.Container"),
        ({"containers": ["x"]}, "string into Go struct field PodSpec.spec.containers of type v1.Container"),
        ({"hostNetwork": "yes"}, "string into Go struct field PodSpec.spec.hostNetwork of type bool"),
        ({"priority": 1 << 40}, f"number {1 << 40} into Go struct field PodSpec.spec.priority of type int32"),
        ({"priority": 1.5}, "number 1.5 into Go struct field PodSpec.spec.priority of type int32"),
        ({"nodeSelector": {"a": True}}, "bool into Go struct field PodSpec.spec.nodeSelector of type string"),
        (
            {"containers": [{"env": [{"name": "A", "value": 1}]}]},
            "number into Go struct field EnvVar.spec.containers.env.value of type string",
        ),
        (
            {"containers": [{"readinessProbe": {"httpGet": {"port": []}}}]},
            "array into Go struct field HTTPGetAction.spec.containers.readinessProbe.httpGet.port "
                "of type intstr.IntOrString",
        ),
    ],
)  # fmt: skip
def test_wrong_types_are_worded_as_go_does(spec: dict[str, Any], message: str) -> None:
    assert normalized({"spec": spec}, _node())[1].mistyped == f"json: cannot unmarshal {message}"


def test_nulls_are_absent_and_numbers_may_be_quantities() -> None:
    body = {"spec": {"nodeName": None, "containers": [{"resources": {"limits": {"cpu": 1, "memory": "1Gi"}}}]}}
    kept, findings = normalized(body, _node())
    assert "nodeName" not in kept["spec"]
    assert findings.mistyped is None


def test_required_fields_of_structs_are_filled_with_zeroes() -> None:
    status = _node().child("status")
    assert status is not None
    filled = populate({"containerStatuses": [{"name": "c"}]}, status)
    assert dig(filled, "containerStatuses", 0) == {
        "name": "c",
        "image": "",
        "imageID": "",
        "ready": False,
        "restartCount": 0,
    }
