"""What a GitOps controller would see: the manifests and the running mesh do not drift apart (examples/gitops)."""

import json
from pathlib import Path

import pytest
import yaml
from tests.e2e.cluster import Cluster
from tools.demo import ROOT

from linkerd_kube.objects import JsonObject

KUBECTL = "kubectl"
OVERLAY = ROOT / "deploy/kustomize/overlays/default"


def rendered(mesh: Cluster) -> str:
    done = mesh.run("kubectl", "kustomize", str(OVERLAY), check=False)
    if done.returncode and "unknown command" in done.stderr + done.stdout:
        pytest.skip("this kubectl is the sandbox's stand-in, which has no kustomize")
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_nothing_drifts_and_a_second_apply_changes_nothing(mesh: Cluster) -> None:
    manifests = rendered(mesh)
    diff = mesh.run("kubectl", "diff", "-f", "-", stdin=manifests, check=False)
    assert diff.returncode == 0, diff.stdout + diff.stderr
    applied = mesh.run("kubectl", "apply", "-f", "-", stdin=manifests).stdout.splitlines()
    assert [line for line in applied if not line.endswith(" unchanged")] == []


def managers(obj: JsonObject) -> dict[str, JsonObject]:
    """Whoever wrote into an object beside kubectl, and what; status is a subresource and no drift."""
    return {
        entry["manager"]: entry["fieldsV1"]
        for entry in obj["metadata"].get("managedFields", [])
        if not entry["manager"].startswith(KUBECTL) and entry.get("subresource") != "status"
    }


def test_all_that_the_mesh_writes_into_applied_objects_is_the_webhooks_ca(mesh: Cluster) -> None:
    found = json.loads(
        mesh.run("kubectl", "get", "--show-managed-fields", "-o", "json", "-f", "-", stdin=rendered(mesh)).stdout
    )
    written: dict[str, set[str]] = {}
    for obj in found["items"]:
        for fields in managers(obj).values():
            written.setdefault(obj["kind"], set()).update(leaves(fields))
    # A Deployment's controller notes its revision as an annotation, a Service gets its address: API defaults and
    # controllers of Kubernetes itself, which every GitOps tool knows.
    ours = {kind: names for kind, names in written.items() if kind.endswith("WebhookConfiguration")}
    assert set().union(*ours.values()) == {"caBundle"}
    assert set(written) - set(ours) <= {"Deployment", "Namespace", "CustomResourceDefinition"}


def leaves(fields: JsonObject) -> set[str]:
    """Names of the fields of a managedFields tree that have no fields below."""
    found: set[str] = set()
    for key, below in fields.items():
        if not key.startswith("f:"):
            found |= leaves(below)
        elif inner := {k: v for k, v in below.items() if k != "."}:
            found |= leaves(inner)
        else:
            found.add(key.removeprefix("f:"))
    return found


def test_the_argo_cd_example_ignores_just_that() -> None:
    application = yaml.safe_load((Path(ROOT) / "examples/gitops/argocd.yaml").read_text())
    ignored = {(i["group"], i["kind"], *i["jqPathExpressions"]) for i in application["spec"]["ignoreDifferences"]}
    path = ".webhooks[]?.clientConfig.caBundle"
    assert ignored == {
        ("admissionregistration.k8s.io", f"{kind}WebhookConfiguration", path) for kind in ("Mutating", "Validating")
    }
