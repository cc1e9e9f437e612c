"""Commands and objects, against an API server that is none."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from linkerd_kube.objects import JsonObject
from linkerd_kube.resources import CONFIG_MAPS, DEPLOYMENTS
from linkerd_sandbox.testing.cluster import Cluster, until
from linkerd_testkit.kube import FakeKube, fake_kube

KUBECONFIG = """
apiVersion: v1
kind: Config
current-context: c
contexts: [{{name: c, context: {{cluster: c, user: u}}}}]
clusters: [{{name: c, cluster: {{server: "{url}"}}}}]
users: [{{name: u, user: {{token: t}}}}]
"""


def test_until_tells_what_it_waited_for() -> None:
    values = iter([0, "", [], 7])
    assert until(lambda: next(values), 5, "seven") == 7
    with pytest.raises(AssertionError, match=r"not within 0\.2 s: a miracle; last: 0"):
        until(lambda: 0, 0.2, "a miracle")


@pytest.fixture
async def kube() -> AsyncIterator[FakeKube]:
    async with fake_kube() as fake:
        yield fake


async def test_objects_and_commands(kube: FakeKube, tmp_path: Path) -> None:
    (tmp_path / "kubeconfig").write_text(KUBECONFIG.format(url=kube.url))
    pod: JsonObject = {"metadata": {"labels": {"app": "web"}}}
    kube.put("/api/v1/namespaces/shop/pods/web-1", pod)
    kube.put("/api/v1/namespaces/shop/configmaps/a", {"data": {}})
    status = {"replicas": 1, "updatedReplicas": 1, "availableReplicas": 1, "observedGeneration": 1}
    deployment: JsonObject = {"metadata": {"generation": 1}, "spec": {"replicas": 1}, "status": status}
    kube.put("/apis/apps/v1/namespaces/shop/deployments/web", deployment)
    kube.put("/apis/apps/v1/namespaces/shop/deployments/late", {**deployment, "status": {}})

    endpoints = [{"conditions": {"ready": True}}, {"conditions": {"ready": False}}]
    kube.put("/apis/discovery.k8s.io/v1/namespaces/shop/endpointslices/web-1", {"endpoints": endpoints})

    def work() -> None:
        cluster = Cluster({"KUBECONFIG": str(tmp_path / "kubeconfig"), "PATH": "/usr/bin:/bin"})
        try:
            assert cluster.get(CONFIG_MAPS, "shop", "none") is None
            assert cluster.get(CONFIG_MAPS, "shop", "a") is not None
            cluster.delete(CONFIG_MAPS, "shop", "a")
            assert cluster.get(CONFIG_MAPS, "shop", "a") is None
            assert cluster.pod("shop", "web")["metadata"]["name"] == "web-1"
            assert cluster.available("shop", "web")
            cluster.await_endpoints("shop", "web", seconds=1)
            with pytest.raises(AssertionError, match="shop/web leads to 2"):
                cluster.await_endpoints("shop", "web", 2, seconds=0.1)
            assert not cluster.available("shop", "late")
            cluster.patch(DEPLOYMENTS, "shop", "web", {"spec": {"replicas": 2}})
            assert not cluster.available("shop", "web")
            assert cluster.run("echo", "said").stdout == "said\n"
            with pytest.raises(AssertionError, match=r"exit 3\n +out\n +err"):
                cluster.run("sh", "-c", "echo out; echo err >&2; exit 3")
            assert cluster.run("false", check=False).returncode == 1
            assert cluster.node_pid is None
        finally:
            cluster.close()

    await asyncio.to_thread(work)  # the cluster blocks, and the API server has this loop
