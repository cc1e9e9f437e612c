"""kustomize components of deploy/: each renders on the base, to objects that Kubernetes takes."""

import os
import subprocess
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest

from linkerd_cli.documents import load, split
from linkerd_contract import names
from linkerd_contract.trust import ANNOTATION_GIVEN

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


def test_certificates_by_cert_manager(tmp_path: Path) -> None:
    """Certificates lead to the Secrets that the services read, and nobody else makes them."""
    objects = render(tmp_path, "cert-manager")
    certificates = {o["metadata"]["name"]: o["spec"] for o in objects if o["kind"] == "Certificate"}
    issuers = {o["metadata"]["name"]: o["spec"] for o in objects if o["kind"] == "Issuer"}
    for spec in certificates.values():
        issuer = issuers[spec["issuerRef"]["name"]]
        made_by = [c for c in certificates.values() if c["secretName"] == issuer.get("ca", {}).get("secretName")]
        assert "selfSigned" in issuer or (made_by and made_by[0]["isCA"])
        assert spec["privateKey"]["algorithm"] == "ECDSA"
    issuer = certificates["linkerd-identity-issuer"]
    assert (issuer["secretName"], issuer["isCA"]) == (names.ISSUER_SECRET, True)
    assert issuer["commonName"] == names.issuer_name(names.LINKERD_NAMESPACE, names.CLUSTER_DOMAIN)
    serving = certificates["linkerd-proxy-injector"]
    assert serving["secretName"] == "linkerd-proxy-injector-k8s-tls"
    services = ("linkerd-proxy-injector", "linkerd-sp-validator", "linkerd-policy-validator")
    assert {f"{service}.linkerd.svc" for service in services} <= set(serving["dnsNames"])
    (roots,) = (o for o in objects if o["metadata"]["name"] == names.TRUST_ROOTS_CONFIG_MAP)
    assert roots["metadata"]["annotations"] == {ANNOTATION_GIVEN: "true"}
    assert "data" not in roots
    webhooks = [o for o in objects if o["kind"].endswith("WebhookConfiguration")]
    assert len(webhooks) == 3
    for webhook in webhooks:
        injected = webhook["metadata"]["annotations"]["cert-manager.io/inject-ca-from"]
        assert injected == "linkerd/linkerd-proxy-injector"
