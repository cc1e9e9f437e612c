"""What is taken and not acted upon is said, where it stands."""

from typing import Any

import pytest

from linkerd_sandbox.apiserver import warnings
from linkerd_sandbox.apiserver.kinds import BUILT_IN

Cluster = Any


def _warned(plural: str, body: dict[str, Any]) -> list[str]:
    return warnings.of_new(next(kind for kind in BUILT_IN if kind.plural == plural), body)


def test_what_is_acted_upon_is_not_warned_of() -> None:
    ports = [{"containerPort": 80}]
    spec = {"containers": [{"name": "c", "ports": ports}], "hostNetwork": False, "volumes": [{"emptyDir": {}}]}
    assert _warned("pods", {"spec": spec}) == []
    assert _warned("configmaps", {"data": {}}) == []
    assert _warned("nodes", {"spec": {"hostNetwork": True}}) == []


@pytest.mark.parametrize(
    ("plural", "prefix", "around"),
    [
        ("pods", "spec", lambda spec: {"spec": spec}),
        ("deployments", "spec.template.spec", lambda spec: {"spec": {"template": {"spec": spec}}}),
        (
            "cronjobs",
            "spec.jobTemplate.spec.template.spec",
            lambda spec: {"spec": {"jobTemplate": {"spec": {"template": {"spec": spec}}}}},
        ),
    ],
)
def test_fields_of_pods(plural: str, prefix: str, around: Any) -> None:
    container = {"name": "c", "ports": [{"containerPort": 80, "hostPort": 80}]}
    spec = {
        "hostNetwork": True,
        "hostPID": True,
        "shareProcessNamespace": True,
        "initContainers": [container],
        "containers": [{"name": "d"}, container],
        "volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": "c"}}],
    }
    assert [text.partition(":")[0] for text in _warned(plural, around(spec))] == [
        f"{prefix}.hostNetwork",
        f"{prefix}.hostPID",
        f"{prefix}.shareProcessNamespace",
        f"{prefix}.initContainers[0].ports",
        f"{prefix}.containers[1].ports",
        f"{prefix}.volumes[0]",
    ]


def test_claims_of_a_set() -> None:
    (text,) = _warned("statefulsets", {"spec": {"volumeClaimTemplates": [{}]}})
    assert text.startswith("spec.volumeClaimTemplates: not implemented")


async def test_kubectl_prints_them(cluster: Cluster) -> None:
    await cluster.account()
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "p"},
        "spec": {"hostNetwork": True, "containers": [{"name": "c", "image": "i:1"}]},
    }
    done = await cluster.kubectl("apply", "-f", "-", stdin=[pod])
    assert done.out == "pod/p created\n"
    assert done.err == "Warning: spec.hostNetwork: ignored by the sandbox: every pod has a network of its own\n"
