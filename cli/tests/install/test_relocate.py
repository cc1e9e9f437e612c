"""Another namespace: nothing of the old one is left."""

import json
import re

import kubernetes_validate

from linkerd_cli.install.manifests import as_object
from linkerd_cli.install.relocate import relocate, relocated_name
from linkerd_cli.install.rendered import CONTROL_PLANE_HA, documents

OBJECTS = [as_object(document.text) for document in documents(CONTROL_PLANE_HA)]


def test_into_its_own_namespace_nothing_changes() -> None:
    assert [relocate(obj, "linkerd") for obj in OBJECTS] == OBJECTS


def test_nothing_of_the_old_namespace_is_left() -> None:
    for obj in OBJECTS:
        if obj["kind"] == "CustomResourceDefinition":
            continue
        moved = relocate(obj, "mesh")
        kubernetes_validate.validate(moved, "1.31", strict=True)
        text = json.dumps(moved)
        assert not re.search(r'"(namespace|linkerd\.io/control-plane-ns)": "linkerd"', text)
        assert not re.search(r"\.linkerd\.(svc|serviceaccount)|identity\.linkerd\.cluster|linkerd-linkerd-", text)


def test_what_names_it() -> None:
    moved = {(o["kind"], o["metadata"]["name"]): o for o in map(_mesh, OBJECTS)}  # type: ignore[index]
    assert ("Namespace", "mesh") in moved
    assert ("ClusterRole", "linkerd-mesh-identity") in moved
    assert ("Deployment", "linkerd-identity") in moved
    text = json.dumps(moved["Deployment", "linkerd-destination"])
    assert "linkerd-identity.mesh.serviceaccount.identity.mesh.cluster.local" in text
    assert "linkerd-identity-headless.mesh.svc.cluster.local.:8080" in text


def _mesh(obj: dict[str, object]) -> dict[str, object]:
    return relocate(obj, "mesh")


def test_names() -> None:
    assert relocated_name("Namespace", "linkerd", "mesh") == "mesh"
    assert relocated_name("ClusterRole", "linkerd-linkerd-identity", "mesh") == "linkerd-mesh-identity"
    assert relocated_name("ServiceAccount", "linkerd-identity", "mesh") == "linkerd-identity"
