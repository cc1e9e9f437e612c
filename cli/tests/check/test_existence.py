"""linkerd-existence and linkerd-config against broken installations."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cli.tests.check.asking import problems_of
from cli.tests.check.mesh import VALIDATORS, control_plane
from cli.tests.cluster import Cluster
from cli.tests.terminal import Terminal
from prometheus_client import CollectorRegistry

from linkerd_runtime.health import Readiness, admin_app
from linkerd_runtime.process import serve


def _no_config(kube: Cluster) -> None:
    kube.remove("/api/v1/namespaces/linkerd/configmaps/linkerd-config")


def _no_crd(kube: Cluster) -> None:
    kube.remove("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/servers.policy.linkerd.io")


def _pod_gone(kube: Cluster) -> None:
    kube.remove("/api/v1/namespaces/linkerd/pods/linkerd-destination-1")


def _pod_stuck(kube: Cluster) -> None:
    pod = kube.objects["/api/v1/namespaces/linkerd/pods/linkerd-identity-1"]
    waiting = {"reason": "ErrImagePull", "message": "no such image"}
    pod["status"] = {"phase": "Pending", "containerStatuses": [{"name": "a", "state": {"waiting": waiting}}]}


def _no_role(kube: Cluster) -> None:
    kube.remove("/apis/rbac.authorization.k8s.io/v1/clusterroles/linkerd-linkerd-identity")
    kube.objects["/api/v1/namespaces/linkerd/pods/linkerd-identity-1"]["status"]["conditions"] = []


def _no_validators(kube: Cluster) -> None:
    kube.remove(VALIDATORS[0])


def _one_replica(kube: Cluster) -> None:
    config = kube.objects["/api/v1/namespaces/linkerd/configmaps/linkerd-config"]
    config["data"]["values"] = config["data"]["values"].replace('"highAvailability": false', '"highAvailability": true')


def _two_vizs(kube: Cluster) -> None:
    for name in ("old", "new"):
        kube.put(f"/api/v1/namespaces/{name}", {"metadata": {"labels": {"linkerd.io/extension": "x"}}})


def _docker(kube: Cluster) -> None:
    kube.put("/api/v1/nodes/old", {"status": {"nodeInfo": {"containerRuntimeVersion": "docker://20.10.7"}}})


def _foreign_pod(kube: Cluster) -> None:
    kube.add_pod("x", "far", {}, status={"podIP": "203.0.113.7"})


def deleted(kube: Cluster, name: str, ago: timedelta) -> None:
    """A namespace that somebody asked to delete, and that is still there."""
    path = f"/api/v1/namespaces/{name}"
    namespace = kube.objects.get(path, {"metadata": {}})
    namespace["metadata"]["deletionTimestamp"] = (datetime.now(UTC) - ago).strftime("%Y-%m-%dT%H:%M:%SZ")
    message = "Discovery failed for some groups: tap.linkerd.io/v1alpha1: stale GroupVersion discovery"
    condition = {"type": "NamespaceDeletionDiscoveryFailure", "status": "True", "message": message}
    fine = {"type": "NamespaceFinalizersRemaining", "status": "False", "message": "All content-preserving finalizers"}
    namespace["status"] = {"phase": "Terminating", "conditions": [condition, fine]}
    kube.put(path, namespace)


def _namespace_goes(kube: Cluster) -> None:
    deleted(kube, "linkerd", timedelta(seconds=1))
    _no_config(kube)


def _namespace_goes_first(kube: Cluster) -> None:
    deleted(kube, "linkerd", timedelta(seconds=1))


def _another_is_stuck(kube: Cluster) -> None:
    deleted(kube, "shop", timedelta(hours=1))
    deleted(kube, "just-now", timedelta(seconds=10))


@pytest.mark.parametrize(
    ("breakage", "check", "told"),
    [
        (_namespace_goes, "'linkerd-config' config map exists", "tap.linkerd.io/v1alpha1: stale"),
        (_namespace_goes_first, "control plane Namespace exists", "namespace linkerd is being deleted, since 20"),
        (_another_is_stuck, "no namespace is stuck being deleted", "tap.linkerd.io/v1alpha1: stale"),
        (_no_config, "'linkerd-config' config map exists", '"linkerd-config" not found'),
        (_no_crd, "control plane CustomResourceDefinitions exist", "servers.policy.linkerd.io"),
        (_pod_gone, "control plane pods are ready", 'No running pods for "linkerd-destination"'),
        (_pod_stuck, "control plane pods are ready", 'pod "linkerd-identity-1" status is ErrImagePull (no such image)'),
        (_no_role, "control plane pods are ready", "missing ClusterRoles: linkerd-linkerd-identity"),
        (_no_validators, "control plane ValidatingWebhookConfigurations exist", "linkerd-sp-validator-webhook-config"),
        (_one_replica, "multiple replicas of control plane pods", "linkerd-identity (0)"),
        (_two_vizs, "namespace configuration for extensions", "extension x has the namespaces new, old"),
        (
            _docker,
            "proxy-init container runs as root user if docker container runtime is used",
            "must run as root user: old",
        ),
        (_foreign_pod, "cluster networks contains all pods", "pod x/far (203.0.113.7)"),
    ],
)
async def test_a_broken_one_names_the_cause(
    terminal: Terminal, kube: Cluster, breakage: Any, check: str, told: str
) -> None:
    control_plane(kube)
    breakage(kube)
    problems = await problems_of(terminal)
    assert list(problems) == [check]
    assert told in problems[check]


async def test_what_a_service_waits_for_is_told(terminal: Terminal, kube: Cluster) -> None:
    control_plane(kube)
    kube.objects["/api/v1/namespaces/linkerd/pods/linkerd-identity-1"]["status"]["conditions"] = []
    readiness = Readiness("Secret linkerd-identity-issuer must be given too; it is missing")
    runner = await serve(admin_app(readiness, CollectorRegistry()), "127.0.0.1", 0)
    kube.forwards["linkerd-identity-1", 9990] = runner.addresses[0][1]
    try:
        problems = await problems_of(terminal)
    finally:
        await runner.cleanup()
    told = problems["control plane pods are ready"].splitlines()
    assert told[1] == ("linkerd-identity-1: not ready: Secret linkerd-identity-issuer must be given too; it is missing")


async def test_a_namespace_that_goes_is_not_called_stuck_at_once(terminal: Terminal, kube: Cluster) -> None:
    control_plane(kube)
    _another_is_stuck(kube)
    told = (await problems_of(terminal))["no namespace is stuck being deleted"]
    assert told.startswith("namespace shop is being deleted, since ")
    assert "just-now" not in told
    assert "All content-preserving" not in told


async def test_before_an_installation_a_namespace_that_goes_is_told(terminal: Terminal, kube: Cluster) -> None:
    deleted(kube, "linkerd", timedelta(hours=1))
    told = (await problems_of(terminal, "--pre"))["control plane namespace does not already exist"].splitlines()
    assert told[0] == "The linkerd namespace already exists"
    assert told[1].startswith("namespace linkerd is being deleted, since ")
    assert "NamespaceDeletionDiscoveryFailure: Discovery failed" in told[2]
