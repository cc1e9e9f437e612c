"""`linkerd check` on a mesh that is broken in one way after another: it names the cause, and what was broken mends."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from tests.e2e.cluster import CONTROL_PLANE, Cluster, until

from linkerd_contract import names
from linkerd_kube.objects import JsonObject
from linkerd_kube.resource import Resource
from linkerd_kube.resources import CLUSTER_ROLES, CRDS, MUTATING_WEBHOOKS, SECRETS, SERVICES
from linkerd_runtime import pki

pytestmark = pytest.mark.root

INJECTOR = "linkerd-proxy-injector"
WEBHOOK = "linkerd-proxy-injector-webhook-config"


def problems(mesh: Cluster) -> dict[str, str]:
    """Description and error of what does not hold, warnings left out."""
    said = mesh.run("linkerd", "check", "--wait", "0s", "-o", "json", check=False)
    document = json.JSONDecoder().raw_decode(said.stdout)[0]
    checks = [check for category in document["categories"] for check in category["checks"]]
    found = {check["description"]: check["error"] for check in checks if check["result"] == "error"}
    assert said.returncode == (1 if found else 0), said.stdout + said.stderr
    return found


def mend(mesh: Cluster) -> None:
    """What docs/checks.md says, until nothing is wrong."""
    mesh.run("sh", "-c", "linkerd upgrade | kubectl apply -f -")
    mesh.run("linkerd", "check", "--wait", "180s", seconds=210)


def removed(mesh: Cluster, resource: Resource, name: str) -> None:
    mesh.delete(resource, None, name)
    until(lambda: mesh.get(resource, None, name) is None, 60, f"{name} is gone")


@pytest.mark.parametrize(
    ("resource", "name", "check"),
    [
        (CRDS, "externalworkloads.workload.linkerd.io", "control plane CustomResourceDefinitions exist"),
        (CLUSTER_ROLES, "linkerd-linkerd-destination", "control plane ClusterRoles exist"),
    ],
)
def test_something_is_missing(mesh: Cluster, resource: Resource, name: str, check: str) -> None:
    removed(mesh, resource, name)
    try:
        assert name in problems(mesh)[check]
    finally:
        mend(mesh)


@contextmanager
def without_injector(mesh: Cluster) -> Iterator[None]:
    """It would write the caBundle again at once."""
    mesh.scale(CONTROL_PLANE, INJECTOR, 0)
    selector = f"{names.LABEL_CONTROL_PLANE_COMPONENT}=proxy-injector"
    until(lambda: not mesh.pods(CONTROL_PLANE, selector), 60, "no injector")
    try:
        yield
    finally:
        mesh.scale(CONTROL_PLANE, INJECTOR, 1)
        mesh.await_available(CONTROL_PLANE, INJECTOR)


def test_a_webhook_without_ca_bundle(mesh: Cluster) -> None:
    with without_injector(mesh):
        configuration = mesh.get(MUTATING_WEBHOOKS, None, WEBHOOK)
        assert configuration is not None
        del configuration["webhooks"][0]["clientConfig"]["caBundle"]
        mesh.do(mesh.client.replace(MUTATING_WEBHOOKS.path(name=WEBHOOK), configuration))
        assert "No running pods" in str(problems(mesh))
    # The injector has written it by the time that it is ready.
    assert problems(mesh) == {}


def test_a_webhook_that_leads_to_nobody(mesh: Cluster) -> None:
    """Somebody changed the Service's selector: its pods are ready, and nobody calls them."""
    found = mesh.get(SERVICES, CONTROL_PLANE, INJECTOR)
    assert found is not None
    label = names.LABEL_CONTROL_PLANE_COMPONENT
    mesh.patch(SERVICES, CONTROL_PLANE, INJECTOR, {"spec": {"selector": {label: "injector"}}})
    try:
        told = problems(mesh)["webhooks have endpoints"]
        assert f"Service {CONTROL_PLANE}/{INJECTOR}, which has no endpoints: no pod with {label}=injector is" in told
    finally:
        mend(mesh)


def test_an_issuer_that_has_ended(mesh: Cluster) -> None:
    """Somebody puts it there: check says so, and identity serves on with the one that it has."""
    stored = mesh.get(SECRETS, CONTROL_PLANE, names.ISSUER_SECRET)
    assert stored is not None
    past = datetime.now(UTC) - timedelta(days=9)
    validity = pki.Validity(past, past + timedelta(days=1))
    ended = pki.make_ca(names.issuer_name(CONTROL_PLANE, names.CLUSTER_DOMAIN), validity)
    texts = {"crt.pem": ended.certificate_pem, "key.pem": ended.key_pem}
    data: JsonObject = {name: b64encode(text.encode()).decode() for name, text in texts.items()}
    try:
        mesh.patch(SECRETS, CONTROL_PLANE, names.ISSUER_SECRET, {"data": data})
        assert "not valid anymore. Expired on" in problems(mesh)["issuer cert is within its validity period"]
    finally:
        mesh.patch(SECRETS, CONTROL_PLANE, names.ISSUER_SECRET, {"data": stored["data"]})
    mesh.run("linkerd", "check", "--wait", "180s", seconds=210)
