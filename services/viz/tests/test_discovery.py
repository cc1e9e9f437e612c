"""Discovery against an API server."""

import asyncio

import aiohttp

from linkerd_kube import KubeClient
from linkerd_testkit.kube import fake_kube
from linkerd_testkit.ports import eventually
from linkerd_viz.discovery import Discovery


async def test_lists_then_follows() -> None:
    async with fake_kube() as kube, aiohttp.ClientSession() as session:
        kube.put("/api/v1/namespaces/x", {"metadata": {}})
        kube.put("/api/v1/namespaces/x/pods/a", {"metadata": {}, "status": {"phase": "Running", "podIP": "1.2.3.4"}})
        kube.put("/apis/apps/v1/namespaces/x/deployments/web", {"metadata": {}})
        discovery = Discovery(KubeClient(kube.url, session))
        task = asyncio.create_task(discovery.run())
        try:
            async with asyncio.timeout(30):
                await discovery.synced()
            inventory = discovery.inventory()
            assert [pod.metadata.key for pod in inventory.pods] == [("x", "a")]
            assert [named.metadata.name for named in inventory.workloads["deployment"]] == ["web"]
            assert [named.metadata.name for named in inventory.namespaces] == ["x"]
            kube.put("/api/v1/namespaces/x/pods/b", {"metadata": {}})
            await eventually(lambda: {pod.metadata.name for pod in discovery.pods()} == {"a", "b"})
            kube.remove("/api/v1/namespaces/x/pods/a")
            await eventually(lambda: [pod.metadata.name for pod in discovery.pods()] == ["b"])
        finally:
            kube.close_watches()
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
