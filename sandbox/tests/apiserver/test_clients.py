"""Client libraries: the project's own and kubernetes_asyncio."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from linkerd_kube import resources
from linkerd_kube.client import KubeClient
from linkerd_kube.errors import Conflict, NotFound

Cluster = Any


async def test_the_projects_client(cluster: Cluster, pod: Callable[..., dict[str, Any]]) -> None:
    async def token() -> str:
        return str(cluster.tokens["admin"])

    client = KubeClient(cluster.url, cluster.session, token)
    await cluster.account()
    listed = await client.list(resources.PODS, "default")
    await client.create(resources.PODS.path("default"), pod())
    stream = client.watch_raw(resources.PODS, "default", listed.resource_version, timeout_seconds=30)
    async with asyncio.timeout(30):
        assert b'"ADDED"' in await anext(stream)
    await stream.aclose()  # type: ignore[attr-defined]
    found = await client.get(resources.PODS.path("default", "p"))
    await client.delete(resources.PODS.path("default", "p"))
    for call in (client.get, client.delete):
        with pytest.raises(NotFound):
            await call(resources.PODS.path("default", "p"))
    path = resources.CONFIG_MAPS.path("default")
    made = await client.create(path, {"metadata": {"name": "c"}})
    await client.replace(f"{path}/c", {**made, "data": {"a": "b"}})
    with pytest.raises(Conflict, match="the object has been modified"):
        await client.replace(f"{path}/c", {**made, "data": {"a": "c"}})
    assert found["kind"] == "Pod"


async def test_kubernetes_asyncio_reads_fully_populated_objects(
    cluster: Cluster, pod: Callable[..., dict[str, Any]]
) -> None:
    from kubernetes_asyncio import client, config, watch

    await cluster.account()
    await config.load_kube_config(str(cluster.directory / "admin.conf"))
    async with client.ApiClient() as api:
        core = client.CoreV1Api(api)
        await core.create_namespaced_pod("default", pod(nodeName="n"))
        status = {"phase": "Running", "containerStatuses": [{"name": "c", "ready": True}]}
        await core.patch_namespaced_pod_status("p", "default", {"status": status})
        listed = await core.list_namespaced_pod("default")
        assert listed.items[0].status.container_statuses[0].image_id == ""
        async with watch.Watch().stream(core.list_namespaced_pod, "default", timeout_seconds=20) as stream:
            async for event in stream:
                assert (event["type"], event["object"].metadata.name) == ("ADDED", "p")
                break
        await client.AppsV1Api(api).list_deployment_for_all_namespaces()
        assert (await client.VersionApi(api).get_code()).minor == "32"
        roles = await client.RbacAuthorizationV1Api(api).list_cluster_role()
        assert "cluster-admin" in {role.metadata.name for role in roles.items}
