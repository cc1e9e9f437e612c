"""`check --proxy`."""

from cli.tests.check.asking import problems_of
from cli.tests.check.mesh import control_plane
from cli.tests.cluster import Cluster
from cli.tests.terminal import Terminal


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
