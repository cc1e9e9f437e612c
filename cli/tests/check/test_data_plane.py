"""`check --proxy`."""

import hashlib

from cli.tests.check.asking import problems_of
from cli.tests.check.mesh import control_plane
from cli.tests.cluster import Cluster
from cli.tests.terminal import Terminal

from linkerd_contract.version import VERSION


async def test_proxies(terminal: Terminal, kube: Cluster) -> None:
    control_plane(kube)
    problems = await problems_of(terminal, "--proxy")
    assert problems == {"data plane proxies are ready": 'No "linkerd-proxy" containers found in any namespace'}
    kube.put("/api/v1/namespaces/x", {})
    kube.add_pod(
        "x",
        "web",
        {"linkerd.io/control-plane-ns": "linkerd"},
        metadata={"annotations": {"linkerd.io/proxy-version": "0.0.1", "linkerd.io/trust-root-sha256": "0"}},
        status={"initContainerStatuses": [{"name": "linkerd-proxy", "ready": True}]},
    )
    problems = await problems_of(terminal, "--proxy", "-n", "x")
    assert list(problems) == ["data plane proxies certificate match CA", "data plane and cli versions match"]
    assert "x/web (0.0.1)" in problems["data plane and cli versions match"]
    problems = await problems_of(terminal, "--proxy", "-n", "y")
    assert list(problems)[-1] == "data plane namespace exists"


async def test_what_is_annotated_wrongly(terminal: Terminal, kube: Cluster) -> None:
    control_plane(kube)
    opaque = "config.linkerd.io/opaque-ports"
    annotations = {"linkerd.io/proxy-version": "0.1.0", opaque: "3306"}
    kube.add_pod(
        "x",
        "db",
        {"linkerd.io/control-plane-ns": "linkerd", "app": "db", "linkerd.io/inject": "enabled"},
        metadata={"annotations": annotations},
        status={"initContainerStatuses": [{"name": "linkerd-proxy", "ready": True}]},
    )
    pod = kube.objects["/api/v1/namespaces/x/pods/db"]
    pod["metadata"]["labels"] = {"linkerd.io/control-plane-ns": "linkerd", "app": "db", "linkerd.io/inject": "enabled"}
    service = {
        "metadata": {
            "labels": {"config.linkerd.io/opaque-ports": "1"},
            "annotations": {"linkerd.io/inject": "enabled", opaque: "80"},
        },
        "spec": {"selector": {"app": "db"}, "ports": [{"port": 80, "targetPort": 8080}, {"port": 3306}]},
    }
    kube.put("/api/v1/namespaces/x/services/db", service)
    problems = await problems_of(terminal, "--proxy")
    assert "x/db: linkerd.io/inject is an annotation" in problems["data plane pod labels are configured correctly"]
    assert "x/db: config.linkerd.io/" in problems["data plane service labels are configured correctly"]
    assert "x/db: linkerd.io/inject" in problems["data plane service annotations are configured correctly"]
    told = problems["opaque ports are properly annotated"]
    assert "x/db port 80: opaque for the service, not for the pod" in told
    assert "x/db port 3306: opaque for the pod, not for the service" in told


def _meshed(kube: Cluster, name: str, *, digest: str, ready: bool = True, phase: str = "Running") -> None:
    kube.add_pod(
        "x",
        name,
        {"linkerd.io/control-plane-ns": "linkerd"},
        metadata={"annotations": {"linkerd.io/proxy-version": VERSION, "linkerd.io/trust-root-sha256": digest}},
        status={"phase": phase, "containerStatuses": [{"name": "linkerd-proxy", "ready": ready}]},
    )


async def test_which_pods_have_another_trust_bundle(terminal: Terminal, kube: Cluster) -> None:
    control_plane(kube)
    kube.put("/api/v1/namespaces/x", {})
    bundle = kube.objects["/api/v1/namespaces/linkerd/configmaps/linkerd-identity-trust-roots"]["data"]["ca-bundle.crt"]
    current = hashlib.sha256(bundle.encode()).hexdigest()
    _meshed(kube, "new", digest=current)
    assert await problems_of(terminal, "--proxy", "-n", "x") == {}
    _meshed(kube, "old", digest=hashlib.sha256(b"before the rotation").hexdigest())
    _meshed(kube, "done", digest="", phase="Succeeded")
    problems = await problems_of(terminal, "--proxy", "-n", "x")
    assert list(problems) == ["data plane proxies certificate match CA"]
    assert problems["data plane proxies certificate match CA"].splitlines()[1:] == ["  * x/old"]
    # A warning: it fails nothing.
    said = await terminal.linkerd("check", "--proxy", "-n", "x", "--wait", "0", "-o", "short")
    assert said.code == 0


async def test_which_proxies_are_not_ready(terminal: Terminal, kube: Cluster) -> None:
    control_plane(kube)
    kube.put("/api/v1/namespaces/x", {})
    bundle = kube.objects["/api/v1/namespaces/linkerd/configmaps/linkerd-identity-trust-roots"]["data"]["ca-bundle.crt"]
    current = hashlib.sha256(bundle.encode()).hexdigest()
    _meshed(kube, "good", digest=current)
    _meshed(kube, "bad", digest=current, ready=False)
    problems = await problems_of(terminal, "--proxy", "-n", "x")
    assert list(problems) == ["data plane proxies are ready"]
    assert problems["data plane proxies are ready"].splitlines()[1:] == ["  * x/bad: Running"]
    assert (await terminal.linkerd("check", "--proxy", "-n", "x", "--wait", "0")).code == 1
