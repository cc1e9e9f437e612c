"""Claims and volumes that are being deleted."""

import pytest

from linkerd_kube.objects import JsonObject
from linkerd_kube.resources import PERSISTENT_VOLUME_CLAIMS
from linkerd_sandbox.controllers import protection
from linkerd_sandbox.controllers.actions import Patch, Plan


def _claim(*finalizers: str, going: bool = True) -> JsonObject:
    meta: JsonObject = {"name": "c", "namespace": "ns", "finalizers": list(finalizers)}
    return {"metadata": meta | ({"deletionTimestamp": "2026-01-01T00:00:00Z"} if going else {})}


def _pod(claim: str, phase: str = "Running") -> JsonObject:
    volumes = [{"name": "e", "emptyDir": {}}, {"name": "v", "persistentVolumeClaim": {"claimName": claim}}]
    return {"spec": {"volumes": volumes}, "status": {"phase": phase}}


@pytest.mark.parametrize(
    ("claim", "pods"),
    [
        (_claim("kubernetes.io/pvc-protection", going=False), []),
        (_claim("somebody.io/else"), []),
        (_claim("kubernetes.io/pvc-protection"), [_pod("c")]),
        (_claim("kubernetes.io/pvc-protection"), [_pod("c", "Failed"), _pod("c", "Pending")]),
    ],
)
def test_it_stays(claim: JsonObject, pods: list[JsonObject]) -> None:
    assert protection.reconcile(PERSISTENT_VOLUME_CLAIMS, claim, pods) == Plan()


@pytest.mark.parametrize("pods", [[], [_pod("other")], [_pod("c", "Succeeded")]])
def test_it_goes_when_nobody_uses_it(pods: list[JsonObject]) -> None:
    claim = _claim("kubernetes.io/pvc-protection", "somebody.io/else")
    (action,) = protection.reconcile(PERSISTENT_VOLUME_CLAIMS, claim, pods).actions
    body: JsonObject = {"metadata": {"finalizers": ["somebody.io/else"]}}
    assert action == Patch(PERSISTENT_VOLUME_CLAIMS, "ns", "c", body)


def test_a_volume() -> None:
    volume = _claim("kubernetes.io/pv-protection")
    del volume["metadata"]["namespace"]
    (action,) = protection.reconcile(protection.VOLUMES, volume, ()).actions
    assert action == Patch(protection.VOLUMES, "", "c", {"metadata": {"finalizers": None}})
