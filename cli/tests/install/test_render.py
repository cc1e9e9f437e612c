"""Values into objects."""

import json
from typing import Any, cast

import kubernetes_validate
import pytest

from linkerd_cli.documents import load, split
from linkerd_cli.errors import CliError
from linkerd_cli.install.render import Request, render
from linkerd_cli.install.rendered import CONTROL_PLANE, documents, stream
from linkerd_rules.injection import from_values

DOCUMENTS = documents(CONTROL_PLANE)


def _objects(*assignments: str, registry: str = "ghcr.io/linkerd-py") -> dict[str, Any]:
    text = stream(render(DOCUMENTS, Request(list(assignments), registry)))
    loaded = [cast(dict[str, Any], load(document)) for document in split(text, "install")]
    return {f"{o['kind']}/{o['metadata']['name']}": o for o in loaded}


def _container(objects: dict[str, Any], name: str) -> Any:
    return objects[f"Deployment/{name}"]["spec"]["template"]["spec"]["containers"][0]


def _env(objects: dict[str, Any], name: str) -> dict[str, str]:
    return {e["name"]: e.get("value", "") for e in _container(objects, name)["env"]}


def test_without_values_the_files_come_out() -> None:
    assert render(DOCUMENTS, Request([])) == [document.text for document in DOCUMENTS]


def test_values_that_change_nothing_change_nothing() -> None:
    assert render(DOCUMENTS, Request(["controllerReplicas=1"])) == [document.text for document in DOCUMENTS]


def test_only_what_is_concerned_is_written_again() -> None:
    parts = render(DOCUMENTS, Request(["webhookFailurePolicy=Fail"]))
    changed = [part["kind"] for part in parts if isinstance(part, dict)]
    assert changed == ["ConfigMap", "MutatingWebhookConfiguration", *["ValidatingWebhookConfiguration"] * 2]


def test_definitions_alone() -> None:
    parts = render(DOCUMENTS, Request([], crds_only=True))
    assert len(parts) == 12
    assert all(isinstance(part, str) and "kind: CustomResourceDefinition" in part for part in parts)


def test_where_values_go() -> None:
    objects = _objects(
        "linkerdVersion=9.9.9",
        "clusterDomain=corp.example",
        "controllerReplicas=2,controllerUID=7777,controllerLogLevel=debug,imagePullPolicy=Always",
        "identity.issuer.issuanceLifetime=1h",
        registry="localhost:5000/mesh",
    )
    values = json.loads(objects["ConfigMap/linkerd-config"]["data"]["values"])
    assert values["proxy"]["image"] == {
        "name": "localhost:5000/mesh/proxy",
        "pullPolicy": "IfNotPresent",
        "version": "9.9.9",
    }
    assert values["debugContainer"]["image"] == values["proxy"]["image"] | {"name": "localhost:5000/mesh/debug"}
    assert values["identityTrustDomain"] == "corp.example"
    assert objects["Deployment/linkerd-identity"]["spec"]["replicas"] == 2
    container = _container(objects, "linkerd-destination")
    assert container["image"] == "localhost:5000/mesh/destination:9.9.9"
    assert (container["imagePullPolicy"], container["securityContext"]["runAsUser"]) == ("Always", 7777)
    env = _env(objects, "linkerd-destination")
    assert env["LINKERD_CLUSTER_DOMAIN"] == env["LINKERD_TRUST_DOMAIN"] == "corp.example"
    assert env["LINKERD_LOG_LEVEL"] == "debug"
    assert env["LINKERD_IDENTITY_ADDR"] == "linkerd-identity-headless.linkerd.svc.corp.example.:8080"
    assert env["LINKERD_IDENTITY_NAME"] == "linkerd-identity.linkerd.serviceaccount.identity.linkerd.corp.example"
    assert _env(objects, "linkerd-identity")["LINKERD_IDENTITY_LEAF_LIFETIME"] == "3600000ms"
    assert "LINKERD_IDENTITY_LEAF_LIFETIME" not in env
    for obj in objects.values():
        kubernetes_validate.validate(obj, "1.31", strict=True)


def test_the_trust_domain_can_differ_from_the_clusters() -> None:
    env = _env(_objects("clusterDomain=a.b", "identityTrustDomain=c.d"), "linkerd-destination")
    assert (env["LINKERD_CLUSTER_DOMAIN"], env["LINKERD_TRUST_DOMAIN"]) == ("a.b", "c.d")


@pytest.mark.parametrize(
    ("assignment", "told"),
    [
        ("proxy.defaultInboundPolicy=frog", "--set proxy.defaultInboundPolicy: 'frog' is not one of"),
        ("clusterNetworks=frog", "--set clusterNetworks: "),
        ("identity.issuer.issuanceLifetime=frog", "--set identity.issuer.issuanceLifetime: 'frog' is not a duration"),
        ("webhookFailurePolicy=frog", "--set webhookFailurePolicy: 'frog' is not one of"),
        ("controllerReplicas=-1", "--set controllerReplicas: "),
        ("controllerLogLevel=frog", "--set controllerLogLevel: 'frog' is not one of"),
    ],
)
def test_values_that_would_not_work_are_refused(assignment: str, told: str) -> None:
    with pytest.raises(CliError) as caught:
        render(DOCUMENTS, Request([assignment]))
    assert str(caught.value).startswith(told)


def test_the_injector_reads_our_values_without_a_warning_and_they_are_its_defaults() -> None:
    values = json.loads(_objects()["ConfigMap/linkerd-config"]["data"]["values"])
    ours, warnings = from_values(values, trust_anchors="", control_plane_namespace="linkerd", native_sidecars=True)
    defaults, _ = from_values({}, trust_anchors="", control_plane_namespace="linkerd", native_sidecars=True)
    assert warnings == []
    assert ours == defaults
