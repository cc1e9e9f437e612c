"""What users get wrong, and what happens while the injector is away: nobody's deployment is stopped by the mesh."""

import json
import re

import pytest
from tests.e2e.cluster import CONTROL_PLANE, Cluster, until
from tests.e2e.manifests import IMAGE, MESHED

from linkerd_kube.errors import Invalid
from linkerd_kube.objects import JsonObject
from linkerd_kube.resources import PODS

pytestmark = pytest.mark.root


def pod(name: str, annotations: dict[str, str] | None = None) -> JsonObject:
    """A pod of a meshed namespace that only waits."""
    container = {"name": "app", "image": IMAGE, "args": ["-c", "import signal; signal.pause()"]}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": MESHED, "annotations": annotations or {}},
        "spec": {"terminationGracePeriodSeconds": 0, "containers": [container]},
    }


def containers(found: JsonObject) -> dict[str, JsonObject]:
    """All containers of a pod by name, native sidecars included."""
    spec = found["spec"]
    return {one["name"]: one for one in [*spec.get("initContainers", ()), *spec["containers"]]}


def environment(found: JsonObject) -> dict[str, str]:
    """The sidecar's."""
    return {one["name"]: one.get("value", "") for one in containers(found)["linkerd-proxy"]["env"]}


def test_malformed_annotations_are_warned_of_and_have_no_effect(mesh: Cluster) -> None:
    broken = {
        "config.linkerd.io/proxy-cpu-request": "lots",
        "config.linkerd.io/skip-outbound-ports": "http,25",
        "config.linkerd.io/default-inbound-policy": "everybody",
        "config.linkerd.io/proxy-outbound-connect-timeout": "soon",
    }
    applied = mesh.apply(pod("well", {}), pod("malformed", broken))
    try:
        for name in broken:
            assert name in applied.stderr, applied.stderr
        assert "Warning" in applied.stderr
        well, malformed = (mesh.get(PODS, MESHED, name) for name in ("well", "malformed"))
        assert well is not None
        assert malformed is not None
        assert environment(malformed) == environment(well) | {
            key: value for key, value in environment(malformed).items() if "malformed" in value
        }
        assert containers(malformed)["linkerd-proxy"].get("resources") == containers(well)["linkerd-proxy"].get(
            "resources"
        )
        assert containers(malformed)["linkerd-init"]["args"] == containers(well)["linkerd-init"]["args"]
    finally:
        for name in ("well", "malformed"):
            mesh.delete(PODS, MESHED, name)


def test_a_value_that_is_well_formed_has_an_effect(mesh: Cluster) -> None:
    """So that the test above can fail."""
    applied = mesh.apply(pod("configured", {"config.linkerd.io/proxy-cpu-request": "25m"}))
    try:
        assert "Warning" not in applied.stderr
        found = mesh.get(PODS, MESHED, "configured")
        assert found is not None
        assert containers(found)["linkerd-proxy"]["resources"]["requests"]["cpu"] == "25m"
    finally:
        mesh.delete(PODS, MESHED, "configured")


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"containers": [{"name": "Not A Name", "image": IMAGE}]}, r"spec\.containers\[\d\]\.name"),
        ({"restartPolicy": "Sometimes"}, r"spec\.restartPolicy"),
        ({"containers": []}, r"spec\.containers"),
    ],
)
def test_a_malformed_manifest_is_refused_with_the_fields_path(mesh: Cluster, change: JsonObject, path: str) -> None:
    manifest = pod("refused")
    manifest["spec"] |= change
    with pytest.raises(Invalid) as refused:
        mesh.do(mesh.client.create(PODS.path(MESHED), manifest))
    assert refused.value.status == 422
    causes = [cause["field"] for cause in refused.value.details["causes"]]
    # By pattern: a sidecar that is no native one stands before the container.
    assert [field for field in causes if re.fullmatch(path, field)], causes
    applied = mesh.apply(manifest, check=False)
    assert applied.returncode == 1
    assert re.search(rf'The Pod "refused" is invalid: {path}', applied.stderr), applied.stderr
    assert mesh.get(PODS, MESHED, "refused") is None


def test_an_unknown_field_is_refused(mesh: Cluster) -> None:
    manifest = pod("refused")
    manifest["spec"]["contianers"] = []
    applied = mesh.apply(manifest, check=False)
    assert applied.returncode == 1
    # The server's words; kubectl's own before Kubernetes 1.25 name the field alone.
    assert re.search(r'unknown field "(spec\.)?contianers"', applied.stderr), applied.stderr


def test_without_the_injector_pods_start_without_a_sidecar(mesh: Cluster) -> None:
    mesh.scale(CONTROL_PLANE, "linkerd-proxy-injector", 0)
    try:
        selector = {"labelSelector": "linkerd.io/control-plane-component=proxy-injector"}
        path = PODS.path(CONTROL_PLANE)
        until(lambda: not mesh.do(mesh.client.get(path, selector))["items"], 60, "no injector")
        mesh.apply(pod("bare"))
        found = mesh.get(PODS, MESHED, "bare")
        assert found is not None
        assert list(containers(found)) == ["app"], json.dumps(found["spec"])
        until(lambda: (mesh.get(PODS, MESHED, "bare") or {})["status"].get("phase") == "Running", 60, "it runs")
        mesh.delete(PODS, MESHED, "bare")
    finally:
        mesh.scale(CONTROL_PLANE, "linkerd-proxy-injector", 1)
        mesh.await_available(CONTROL_PLANE, "linkerd-proxy-injector")

    def injected() -> bool:
        mesh.apply(pod("meshed-again"))
        found = mesh.get(PODS, MESHED, "meshed-again")
        assert found is not None
        mesh.delete(PODS, MESHED, "meshed-again")
        until(lambda: mesh.get(PODS, MESHED, "meshed-again") is None, 60, "deleted")
        return "linkerd-proxy" in containers(found)

    until(injected, 60, "the next pod has a sidecar")
