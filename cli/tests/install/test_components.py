"""kustomize components of deploy/: each renders on the base, to objects that Kubernetes takes."""

import os
import subprocess
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest

from linkerd_cli.documents import load, split

Obj = dict[str, Any]
DEPLOY = Path(__file__).parents[3] / "deploy/kustomize"
COMPONENTS = sorted(path.name for path in (DEPLOY / "components").iterdir())


def render(directory: Path, component: str) -> list[Obj]:
    base, piece = (os.path.relpath(DEPLOY / part, directory) for part in ("base", f"components/{component}"))
    (directory / "kustomization.yaml").write_text(f"resources: [{base}]\ncomponents: [{piece}]\n")
    try:
        done = subprocess.run(
            ["kubectl", "kustomize", str(directory)], capture_output=True, text=True, check=False, timeout=60
        )
    except FileNotFoundError:
        pytest.skip("kubectl is not on PATH")
    assert done.returncode == 0, done.stderr
    return [obj for document in split(done.stdout, component) if isinstance(obj := load(document), dict)]


@pytest.mark.parametrize("component", COMPONENTS)
def test_it_renders_to_what_kubernetes_takes(component: str, tmp_path: Path) -> None:
    for obj in render(tmp_path, component):
        if not str(obj["apiVersion"]).startswith("cert-manager.io/"):  # no schema of these is at hand
            kubernetes_validate.validate(obj, "1.33", strict=True)


def test_network_policies_leave_open_what_the_mesh_needs(tmp_path: Path) -> None:
    objects = render(tmp_path, "network-policy")
    policies = {o["metadata"]["name"]: o["spec"] for o in objects if o["kind"] == "NetworkPolicy"}
    assert policies["linkerd-default-deny"] == {"podSelector": {}, "policyTypes": ["Ingress"]}
    pods = {
        (label, port["name"])
        for o in objects
        if o["kind"] == "Deployment"
        for label in [o["spec"]["template"]["metadata"]["labels"]["linkerd.io/control-plane-component"]]
        for port in o["spec"]["template"]["spec"]["containers"][0]["ports"]
        if port["name"] != "admin"
    }
    opened = {
        (spec["podSelector"]["matchLabels"]["linkerd.io/control-plane-component"], rule["port"])
        for spec in policies.values()
        if "matchLabels" in spec["podSelector"]
        for ingress in spec["ingress"]
        for rule in ingress["ports"]
    }
    assert opened == pods
