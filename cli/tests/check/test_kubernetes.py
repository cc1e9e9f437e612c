"""kubernetes-api, kubernetes-version, pre-kubernetes-setup."""

from datetime import UTC, datetime, timedelta

from cli.tests.check.asking import problems_of
from cli.tests.cluster import EXTENSION_AUTHENTICATION, Cluster
from cli.tests.terminal import Terminal


async def test_pre(terminal: Terminal, kube: Cluster) -> None:
    assert await problems_of(terminal, "--pre") == {}
    kube.put("/api/v1/namespaces/linkerd", {})
    kube.denied = {"deployments", "secrets"}
    now = datetime.now(UTC)
    ready = {"type": "Ready", "status": "True", "lastHeartbeatTime": (now - timedelta(hours=1)).isoformat()}
    kube.put("/api/v1/nodes/slow", {"status": {"conditions": [ready]}})
    problems = await problems_of(terminal, "--pre")
    assert list(problems) == [
        "control plane namespace does not already exist",
        "can create Deployments",
        "can create Secrets",
        "can read Secrets",
        "no clock skew detected",
    ]
    assert problems["can create Deployments"] == "not authorized to create deployments.apps"
    assert "slow" in problems["no clock skew detected"]


async def test_an_old_kubernetes(terminal: Terminal, kube: Cluster) -> None:
    kube.version = "v1.16.9"
    problems = await problems_of(terminal, "--pre")
    assert problems == {
        "is running the minimum Kubernetes API version": (
            "Kubernetes is on version [1.16], but version [1.17] or more recent is required"
        )
    }


async def test_no_cluster(terminal: Terminal) -> None:
    said = await terminal.linkerd("check")
    assert said.code == 1
    assert said.out.startswith(
        "kubernetes-api\n--------------\n× can initialize the client\n    no cluster to talk to: "
    )
    assert said.out.endswith("\nStatus check results are ×\n")


async def test_definitions_of_another_installation_are_named(terminal: Terminal, kube: Cluster) -> None:
    path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/trafficsplits.split.smi-spec.io"
    kube.put(path, {"metadata": {"labels": {"app.kubernetes.io/managed-by": "smi"}}})
    problems = await problems_of(terminal, "--pre")
    assert problems == {
        "CustomResourceDefinitions belong to no other installation": (
            "trafficsplits.split.smi-spec.io belongs to smi; install leaves it as it is"
        )
    }


async def test_a_cluster_without_aggregated_apis(terminal: Terminal, kube: Cluster) -> None:
    check = "can read extension-apiserver-authentication configmap"
    kube.put(EXTENSION_AUTHENTICATION, {"data": {"client-ca-file": "PEM"}})
    assert "--requestheader-client-ca-file is not configured" in (await problems_of(terminal, "--pre"))[check]
    kube.remove(EXTENSION_AUTHENTICATION)
    assert "is not there" in (await problems_of(terminal, "--pre"))[check]
