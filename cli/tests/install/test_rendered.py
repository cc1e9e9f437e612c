"""The manifests: what they hold, and that they are deploy/kustomize's."""

import functools
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import kubernetes_validate
import pytest

from linkerd_cli.documents import load
from linkerd_cli.install.rendered import CONTROL_PLANE, CONTROL_PLANE_HA, VIZ, documents, names_by_kind, stream
from linkerd_cli.install.settings import differences
from linkerd_contract.version import VERSION

ROOT = Path(__file__).parents[3]
NO_KUSTOMIZE = 3
Obj = dict[str, Any]


@functools.cache
def _objects(name: str) -> list[Obj]:
    return [cast(Obj, load(document)) for document in documents(name)]


ALL = [(name, obj) for name in (CONTROL_PLANE, CONTROL_PLANE_HA, VIZ) for obj in _objects(name)]


def test_no_drift_from_kustomize() -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "tools/manifests.py"), "--check"], capture_output=True, text=True, check=False
    )
    if done.returncode == NO_KUSTOMIZE:
        pytest.skip(done.stderr.strip())
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "overlay", ["overlays/default", "overlays/ha", "overlays/cert-manager", "overlays/kind", "overlays/sandbox", "viz"]
)
def test_every_overlay_renders(overlay: str) -> None:
    try:
        done = subprocess.run(
            ["kubectl", "kustomize", str(ROOT / "deploy/kustomize" / overlay)],
            capture_output=True,
            text=True,
            check=False,
        )
    except FileNotFoundError:
        pytest.skip("kubectl is not on PATH")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("version", ["1.29", "1.31", "1.33"])
def test_every_object_fits_kubernetes_schema(version: str) -> None:
    for _, obj in ALL:
        kubernetes_validate.validate(obj, version, strict=True)


def test_one_apply_works_on_an_empty_cluster() -> None:
    """Definitions are there, instances of them are not; what others need comes first; the webhook last."""
    objects = _objects(CONTROL_PLANE)
    defined = {o["spec"]["group"] for o in objects if o["kind"] == "CustomResourceDefinition"}
    assert defined == {"linkerd.io", "policy.linkerd.io", "split.smi-spec.io", "workload.linkerd.io"}
    assert not [o for o in objects if o["apiVersion"].partition("/")[0] in defined]
    kinds = [o["kind"] for o in objects]
    assert kinds[0] == "Namespace"
    assert kinds[-3:] == [
        "MutatingWebhookConfiguration",
        "ValidatingWebhookConfiguration",
        "ValidatingWebhookConfiguration",
    ]
    assert kinds.index("ServiceAccount") < kinds.index("Deployment")


def test_the_names_of_linkerd() -> None:
    assert names_by_kind(CONTROL_PLANE, "Deployment") == [
        "linkerd-destination",
        "linkerd-identity",
        "linkerd-proxy-injector",
    ]
    assert names_by_kind(CONTROL_PLANE, "Service") == [
        "linkerd-dst",
        "linkerd-dst-headless",
        "linkerd-identity",
        "linkerd-identity-headless",
        "linkerd-policy-validator",
        "linkerd-proxy-injector",
        "linkerd-sp-validator",
    ]
    assert names_by_kind(CONTROL_PLANE, "CustomResourceDefinition") == [
        "authorizationpolicies.policy.linkerd.io",
        "egressnetworks.policy.linkerd.io",
        "externalworkloads.workload.linkerd.io",
        "faultinjections.policy.linkerd.io",
        "httplocalratelimitpolicies.policy.linkerd.io",
        "httproutes.policy.linkerd.io",
        "meshtlsauthentications.policy.linkerd.io",
        "networkauthentications.policy.linkerd.io",
        "serverauthorizations.policy.linkerd.io",
        "servers.policy.linkerd.io",
        "serviceprofiles.linkerd.io",
        "trafficsplits.split.smi-spec.io",
    ]
    assert names_by_kind(VIZ, "Deployment") == ["metrics-api", "tap"]
    assert names_by_kind(VIZ, "APIService") == ["v1alpha1.tap.linkerd.io"]


def test_the_webhook_is_linkerds_and_has_no_ca_bundle() -> None:
    (configuration,) = [o for o in _objects(CONTROL_PLANE) if o["kind"] == "MutatingWebhookConfiguration"]
    (webhook,) = configuration["webhooks"]
    assert webhook["failurePolicy"] == "Ignore"
    assert "caBundle" not in webhook["clientConfig"]
    assert webhook["rules"][0]["resources"] == ["pods", "services"]
    assert {e["key"]: e["values"] for e in webhook["namespaceSelector"]["matchExpressions"]} == {
        "config.linkerd.io/admission-webhooks": ["disabled"],
        "kubernetes.io/metadata.name": ["kube-system", "cert-manager"],
    }
    assert [e["key"] for e in webhook["objectSelector"]["matchExpressions"]] == [
        "linkerd.io/control-plane-component",
        "linkerd.io/cni-resource",
    ]


def _deployments() -> list[Obj]:
    return [obj for _, obj in ALL if obj["kind"] == "Deployment"]


@pytest.mark.parametrize("deployment", _deployments(), ids=lambda o: o["metadata"]["name"])
def test_pods_are_restricted_probed_and_of_this_version(deployment: Obj) -> None:
    template = deployment["spec"]["template"]
    spec = template["spec"]
    (container,) = spec["containers"]
    security = container["securityContext"]
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert (security["readOnlyRootFilesystem"], security["allowPrivilegeEscalation"]) == (True, False)
    assert security["capabilities"] == {"drop": ["ALL"]}
    assert security["runAsUser"] == 2103
    assert container["livenessProbe"]["httpGet"] == {"path": "/live", "port": "admin"}
    assert container["readinessProbe"]["httpGet"] == {"path": "/ready", "port": "admin"}
    assert re.fullmatch(rf"ghcr\.io/linkerd-py/[a-z-]+:{re.escape(VERSION)}", container["image"])
    assert deployment["spec"]["selector"]["matchLabels"].items() <= template["metadata"]["labels"].items()
    assert spec["serviceAccountName"] == deployment["metadata"]["name"]
    # The label by which a pod counts as meshed: the control plane's pods are not.
    assert "linkerd.io/control-plane-ns" not in template["metadata"]["labels"]


def test_services_select_pods_and_their_ports() -> None:
    objects = _objects(CONTROL_PLANE)
    templates = [o["spec"]["template"] for o in objects if o["kind"] == "Deployment"]
    for service in (o for o in objects if o["kind"] == "Service"):
        (template,) = [t for t in templates if service["spec"]["selector"].items() <= t["metadata"]["labels"].items()]
        ports = {p["name"] for c in template["spec"]["containers"] for p in c["ports"]}
        assert {p["targetPort"] for p in service["spec"]["ports"]} <= ports


def test_bindings_name_roles_and_accounts_that_exist() -> None:
    present = {(o["kind"], o["metadata"].get("namespace"), o["metadata"]["name"]) for _, o in ALL}
    # Kubernetes' own, for aggregated APIs.
    present.add(("Role", "kube-system", "extension-apiserver-authentication-reader"))
    for _, binding in ALL:
        if binding["kind"] not in ("RoleBinding", "ClusterRoleBinding"):
            continue
        role = binding["roleRef"]
        namespace = binding["metadata"].get("namespace") if role["kind"] == "Role" else None
        assert (role["kind"], namespace, role["name"]) in present
        for subject in binding["subjects"]:
            assert (subject["kind"], subject["namespace"], subject["name"]) in present


def _rules() -> Iterator[tuple[str, Obj]]:
    for _, obj in ALL:
        for rule in obj.get("rules", []) if obj["kind"] in ("Role", "ClusterRole") else []:
            yield obj["kind"], rule


def test_rights_are_small() -> None:
    for kind, rule in _rules():
        assert "*" not in rule["verbs"] + rule["resources"] + rule["apiGroups"]
        if "secrets" in rule["resources"]:
            assert kind == "Role"
            assert rule.get("resourceNames") or rule["verbs"] == ["create"]


def test_every_rule_says_why() -> None:
    """Comments are kustomize's to drop, so the sources are read."""
    for file in sorted((ROOT / "deploy/kustomize").rglob("rbac.yaml")):
        lines = file.read_text().splitlines()
        explained = False
        for line in lines:
            if line.strip().startswith("#"):
                explained = True
            elif line.startswith(("rules:", "---")):
                explained = False
            elif line.startswith("  - apiGroups"):
                assert explained, f"{file}: the first rule needs a comment"


def _schemas(obj: Obj) -> Iterator[tuple[str, Obj]]:
    for version in obj["spec"]["versions"]:
        yield f"{obj['metadata']['name']} {version['name']}", version["schema"]["openAPIV3Schema"]


def _structural(path: str, schema: Obj, inside: bool = False) -> Iterator[str]:
    """Breaches of what Kubernetes calls a structural schema, as far as ours can have them."""
    free = schema.get("x-kubernetes-int-or-string") or schema.get("x-kubernetes-preserve-unknown-fields")
    if inside:
        for key in ("type", "default", "additionalProperties", "nullable", "description"):
            if key in schema:
                yield f"{path}: {key} inside a junctor"
    elif "type" not in schema and not free:
        yield f"{path}: no type"
    if schema.get("x-kubernetes-int-or-string") and "type" in schema:
        yield f"{path}: type beside int-or-string"
    if schema.get("type") == "array" and "items" not in schema:
        yield f"{path}: no items"
    for name, child in schema.get("properties", {}).items():
        yield from _structural(f"{path}.{name}", child, inside)
    if isinstance(schema.get("items"), dict):
        yield from _structural(f"{path}[]", schema["items"], inside)
    if not schema.get("x-kubernetes-int-or-string"):
        for junctor in ("oneOf", "anyOf", "allOf"):
            for child in schema.get(junctor, []):
                yield from _structural(f"{path}|{junctor}", child, True)


def test_definitions_are_structural_and_have_one_stored_version() -> None:
    for obj in _objects(CONTROL_PLANE):
        if obj["kind"] != "CustomResourceDefinition":
            continue
        versions = obj["spec"]["versions"]
        assert sum(v["storage"] for v in versions) == 1
        assert obj["metadata"]["name"] == f"{obj['spec']['names']['plural']}.{obj['spec']['group']}"
        for path, schema in _schemas(obj):
            assert list(_structural(path, schema)) == []


def test_stream_is_the_file() -> None:
    for name in (CONTROL_PLANE, VIZ):
        file = ROOT / "cli/src/linkerd_cli/manifests" / name
        assert stream([document.text for document in documents(name)]) == file.read_text()


HA_VALUES = {
    "controllerReplicas": 3,
    "highAvailability": True,
    "proxy.resources.cpu.request": "100m",
    "proxy.resources.memory.limit": "250Mi",
    "proxy.resources.memory.request": "48Mi",
    "webhookFailurePolicy": "Fail",
}


def test_high_availability_is_the_default_and_what_linkerds_ha_adds() -> None:
    plain, ha = (
        {(o["kind"], o["metadata"]["name"]): o for o in _objects(n)} for n in (CONTROL_PLANE, CONTROL_PLANE_HA)
    )
    budgets = {name for kind, name in ha.keys() - plain.keys() if kind == "PodDisruptionBudget"}
    assert budgets == {"linkerd-dst", "linkerd-identity", "linkerd-proxy-injector"}
    assert len(ha) == len(plain) + 3
    for (kind, name), obj in ha.items():
        if kind == "Deployment":
            affinity = obj["spec"]["template"]["spec"]["affinity"]["podAntiAffinity"]
            (term,) = affinity["requiredDuringSchedulingIgnoredDuringExecution"]
            selector = obj["spec"]["selector"]
            assert (obj["spec"]["replicas"], term["labelSelector"]) == (3, selector)
        elif kind.endswith("WebhookConfiguration"):
            assert [w["failurePolicy"] for w in obj["webhooks"]] == ["Fail"], name
        elif kind == "ConfigMap":
            values, base = (json.loads(o["data"]["values"]) for o in (obj, plain[kind, name]))
            assert dict(differences(base, values)) == HA_VALUES
        elif kind != "PodDisruptionBudget":
            assert obj == plain[kind, name]
