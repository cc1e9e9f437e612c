"""Every object says what it is of: Kubernetes' recommended labels, and the one that Linkerd's prune goes by."""

import pytest
from tests.deploy.rendering import EVERYTHING, Obj, named, rendered

from linkerd_contract import names
from linkerd_contract.version import VERSION

RECOMMENDED = ("name", "part-of", "version")


def recommended(obj: Obj) -> dict[str, str]:
    labels = obj["metadata"].get("labels", {})
    return {key: labels.get(f"app.kubernetes.io/{key}", "") for key in RECOMMENDED}


@pytest.mark.parametrize("what", EVERYTHING)
def test_every_object_and_every_pod_has_the_recommended_labels(what: str) -> None:
    whole = "linkerd-viz" if what == "viz" else "linkerd"
    for obj in rendered(what):
        assert recommended(obj)["name"].startswith("linkerd"), named(obj)
        assert recommended(obj) | {"name": ""} == {"name": "", "part-of": whole, "version": VERSION}, named(obj)
        if obj["kind"] == "Deployment":
            assert recommended(obj["spec"]["template"]) == recommended(obj), named(obj)


@pytest.mark.parametrize("what", EVERYTHING)
def test_every_object_has_the_label_that_prune_and_uninstall_go_by(what: str) -> None:
    key, value = (names.LABEL_EXTENSION, "viz") if what == "viz" else (names.LABEL_CONTROL_PLANE_NS, "linkerd")
    for obj in rendered(what):
        assert obj["metadata"]["labels"].get(key) == value, named(obj)
        if obj["kind"] == "Deployment" and what != "viz":
            # On a pod it would mean: meshed.
            assert key not in obj["spec"]["template"]["metadata"]["labels"]


@pytest.mark.parametrize("what", EVERYTHING)
def test_nothing_is_in_the_manifests_that_controllers_write(what: str) -> None:
    """Argo CD and Flux would put it back, again and again."""
    for obj in rendered(what):
        assert obj["kind"] not in ("Secret", "Lease"), named(obj)
        assert "status" not in obj
        assert not {"resourceVersion", "uid", "creationTimestamp", "managedFields"} & set(obj["metadata"]), named(obj)
        for webhook in obj.get("webhooks", []):
            assert "caBundle" not in webhook["clientConfig"], named(obj)
        if obj["kind"] == "APIService":
            assert "caBundle" not in obj["spec"]
        if obj["metadata"]["name"] == names.TRUST_ROOTS_CONFIG_MAP:
            assert "data" not in obj
        if obj["kind"] == "CustomResourceDefinition":
            assert "caBundle" not in str(obj["spec"].get("conversion"))


@pytest.mark.parametrize("what", EVERYTHING)
def test_no_object_is_there_twice(what: str) -> None:
    found = [
        (o["apiVersion"], o["kind"], o["metadata"].get("namespace"), o["metadata"]["name"]) for o in rendered(what)
    ]
    assert len(found) == len(set(found))
