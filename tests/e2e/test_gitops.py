"""What a GitOps controller would see: the manifests and the running mesh do not drift apart (examples/gitops)."""

import json
from collections.abc import Iterator

import pytest
import yaml
from tests.e2e.cluster import Cluster, until
from tools.demo import ROOT

from linkerd_kube.objects import JsonObject
from linkerd_kube.resources import API_SERVICES

pytestmark = pytest.mark.root

KUBECTL = "kubectl"
DEPLOY = ROOT / "deploy/kustomize"
TAP_API = "v1alpha1.tap.linkerd.io"


def rendered(mesh: Cluster, what: str) -> str:
    done = mesh.run("kubectl", "kustomize", str(DEPLOY / what), check=False)
    if done.returncode and "unknown command" in done.stderr + done.stdout:
        pytest.skip("this kubectl is the sandbox's stand-in, which has no kustomize")
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def viz(mesh: Cluster) -> Iterator[str]:
    """The extension's manifests, applied, and all that it writes written."""
    manifests = rendered(mesh, "viz")
    try:
        mesh.run("kubectl", "apply", "-f", "-", stdin=manifests)
        mesh.await_available("linkerd-viz", "metrics-api", "tap")
        until(lambda: (mesh.get(API_SERVICES, None, TAP_API) or {})["spec"].get("caBundle"), 60, "tap's caBundle")
        yield manifests
    finally:
        mesh.run("kubectl", "delete", "--ignore-not-found", "-f", "-", stdin=manifests, seconds=120)


def applied(mesh: Cluster, what: str, request: pytest.FixtureRequest) -> str:
    manifests: str = request.getfixturevalue("viz") if what == "viz" else rendered(mesh, what)
    return manifests


@pytest.mark.parametrize("what", ["overlays/default", "viz"])
def test_nothing_drifts_and_a_second_apply_changes_nothing(
    mesh: Cluster, what: str, request: pytest.FixtureRequest
) -> None:
    manifests = applied(mesh, what, request)
    diff = mesh.run("kubectl", "diff", "-f", "-", stdin=manifests, check=False)
    assert diff.returncode == 0, diff.stdout + diff.stderr
    said = mesh.run("kubectl", "apply", "-f", "-", stdin=manifests).stdout.splitlines()
    assert [line for line in said if not line.endswith(" unchanged")] == []


def managers(obj: JsonObject) -> dict[str, JsonObject]:
    """Whoever wrote into an object beside kubectl, and what; status is a subresource and no drift."""
    return {
        entry["manager"]: entry["fieldsV1"]
        for entry in obj["metadata"].get("managedFields", [])
        if not entry["manager"].startswith(KUBECTL) and entry.get("subresource") != "status"
    }


OURS = ("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration", "APIService")
"""Kinds of the manifests that the mesh itself writes into."""


@pytest.mark.parametrize("what", ["overlays/default", "viz"])
def test_all_that_the_mesh_writes_into_applied_objects_is_its_ca(
    mesh: Cluster, what: str, request: pytest.FixtureRequest
) -> None:
    manifests = applied(mesh, what, request)
    found = json.loads(
        mesh.run("kubectl", "get", "--show-managed-fields", "-o", "json", "-f", "-", stdin=manifests).stdout
    )
    written: dict[str, set[str]] = {}
    for obj in found["items"]:
        for fields in managers(obj).values():
            written.setdefault(obj["kind"], set()).update(leaves(fields))
    # A Deployment's controller notes its revision as an annotation, a Service gets its address: API defaults and
    # controllers of Kubernetes itself, which every GitOps tool knows.
    ours = {kind: names for kind, names in written.items() if kind in OURS}
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


@pytest.mark.parametrize("what", ["overlays/default", "overlays/ha", "overlays/kind", "viz"])
def test_the_api_server_takes_every_object(mesh: Cluster, what: str) -> None:
    """All of its validation and admission, nothing stored, and nothing to warn of."""
    manifests = rendered(mesh, what)
    done = mesh.run("kubectl", "apply", "--dry-run=server", "-f", "-", stdin=manifests)
    assert len(done.stdout.splitlines()) == len(list(yaml.safe_load_all(manifests)))
    assert {line.rpartition("(")[2] for line in done.stdout.splitlines()} == {"server dry run)"}
    assert done.stderr == ""


def test_the_argo_cd_example_ignores_just_that() -> None:
    hooks = {
        ("admissionregistration.k8s.io", f"{kind}WebhookConfiguration", ".webhooks[]?.clientConfig.caBundle")
        for kind in ("Mutating", "Validating")
    }
    expected = {
        "deploy/kustomize/overlays/ha": hooks,
        "deploy/kustomize/viz": {
            *(hook for hook in hooks if "Mutating" in hook[1]),
            ("apiregistration.k8s.io", "APIService", ".spec.caBundle"),
        },
    }
    applications = list(yaml.safe_load_all((ROOT / "examples/gitops/argocd.yaml").read_text()))
    assert {
        one["spec"]["source"]["path"]: {
            (i["group"], i["kind"], *i["jqPathExpressions"]) for i in one["spec"]["ignoreDifferences"]
        }
        for one in applications
    } == expected
    for one in applications:
        assert "RespectIgnoreDifferences=true" in one["spec"]["syncPolicy"]["syncOptions"]


def test_the_flux_example_applies_the_same() -> None:
    flux = list(yaml.safe_load_all((ROOT / "examples/gitops/flux.yaml").read_text()))
    assert [one["spec"]["path"] for one in flux] == ["./deploy/kustomize/overlays/ha", "./deploy/kustomize/viz"]
    for one in flux:
        assert (ROOT / one["spec"]["path"] / "kustomization.yaml").is_file()
