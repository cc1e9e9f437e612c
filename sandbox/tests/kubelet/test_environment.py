"""Environment variables: order, references, expansion, what is refused."""

import base64

import pytest

from linkerd_kube.objects import JsonObject
from linkerd_sandbox.kubelet import environment
from linkerd_sandbox.kubelet.environment import ConfigError, Sources

POD: JsonObject = {
    "metadata": {
        "name": "web-1",
        "namespace": "shop",
        "uid": "u1",
        "labels": {"app": "web", "tier": "a"},
        "annotations": {"note": 'say "hi"'},
    },
    "spec": {"serviceAccountName": "web", "containers": [{"name": "other", "resources": {"limits": {"cpu": "3"}}}]},
}
CONFIG: JsonObject = {"data": {"one": "1", "two": "2"}}
SECRET: JsonObject = {"type": "Opaque", "data": {"key": base64.b64encode(b"hidden").decode()}}


def sources() -> Sources:
    return Sources(
        pod=POD,
        pod_ips=("10.42.0.9",),
        node_name="sandbox",
        node_ips=("10.42.0.1",),
        node_cpus=4,
        node_memory=1 << 30,
        config_map=lambda name: CONFIG if name == "config" else None,
        secret=lambda name: SECRET if name == "secret" else None,
    )


def build(*env: JsonObject, base: dict[str, str] | None = None, **container: object) -> dict[str, str]:
    return environment.build({"name": "web", "env": list(env), **container}, base or {}, sources())


def test_later_names_win_and_references_see_earlier_ones() -> None:
    found = build(
        {"name": "A", "value": "a"},
        {"name": "B", "value": "$(A)-$(LATER)-$$(A)"},
        {"name": "LATER", "value": "x"},
        {"name": "PATH", "value": "/mine:$(PATH)"},
        base={"PATH": "/usr/bin"},
    )
    assert found == {"A": "a", "B": "a-$(LATER)-$(A)", "LATER": "x", "PATH": "/mine:/usr/bin"}


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("metadata.name", "web-1"),
        ("metadata.namespace", "shop"),
        ("metadata.uid", "u1"),
        ("metadata.labels['app']", "web"),
        ("metadata.annotations['missing']", ""),
        ("metadata.labels", 'app="web"\ntier="a"'),
        ("metadata.annotations", 'note="say \\"hi\\""'),
        ("spec.nodeName", "sandbox"),
        ("spec.serviceAccountName", "web"),
        ("status.podIP", "10.42.0.9"),
        ("status.hostIP", "10.42.0.1"),
    ],
)
def test_fields(path: str, expected: str) -> None:
    assert environment.field_value(path, sources()) == expected


def test_unknown_fields_are_refused() -> None:
    with pytest.raises(ConfigError, match="is not supported"):
        environment.field_value("spec.containers", sources())


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ({"resource": "limits.cpu"}, "2"),
        ({"resource": "limits.cpu", "divisor": "1m"}, "1500"),
        ({"resource": "limits.memory", "divisor": "1Mi"}, "1024"),
        ({"resource": "requests.cpu"}, "0"),
        ({"resource": "limits.cpu", "containerName": "other"}, "3"),
    ],
)
def test_resources(reference: JsonObject, expected: str) -> None:
    container = {"resources": {"limits": {"cpu": "1500m"}}}
    assert environment.resource_value(reference, container, sources()) == expected


def test_config_maps_and_secrets() -> None:
    found = build(
        {"name": "KEY", "valueFrom": {"secretKeyRef": {"name": "secret", "key": "key"}}},
        {"name": "ONE", "valueFrom": {"configMapKeyRef": {"name": "config", "key": "one"}}},
        {"name": "NONE", "valueFrom": {"configMapKeyRef": {"name": "missing", "key": "x", "optional": True}}},
        envFrom=[
            {"prefix": "C_", "configMapRef": {"name": "config"}},
            {"secretRef": {"name": "gone", "optional": True}},
        ],
    )
    assert found == {"C_one": "1", "C_two": "2", "KEY": "hidden", "ONE": "1"}


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ({"configMapKeyRef": {"name": "missing", "key": "x"}}, 'configmap "missing" not found'),
        ({"secretKeyRef": {"name": "secret", "key": "x"}}, "couldn't find key x in secret secret"),
        ({"mysteryRef": {}}, "mysteryRef is not supported"),
    ],
)
def test_what_cannot_be_resolved_is_said(source: JsonObject, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        build({"name": "X", "valueFrom": source})


def test_binary_data() -> None:
    both = {"data": {"a": "text"}, "binaryData": {"b": base64.b64encode(b"\xff").decode()}}
    assert environment.data_of(both) == {"a": b"text", "b": b"\xff"}
