"""The fake Kubernetes API: as much of the real one's behaviour as services rely on."""

import asyncio
import json

import aiohttp
import pytest

from linkerd_kube import AlreadyExists, ApiError, Conflict, KubeClient, NotFound
from linkerd_kube.resources import CONFIG_MAPS
from linkerd_testkit.kube import fake_kube

PATH = "/api/v1/namespaces/ns/configmaps/a"


async def test_objects() -> None:
    async with fake_kube() as kube, aiohttp.ClientSession() as session:
        client = KubeClient(kube.url, session)
        with pytest.raises(NotFound):
            await client.get(PATH)
        created = await client.create(CONFIG_MAPS.path("ns"), {"metadata": {"name": "a"}, "data": {"k": "1"}})
        with pytest.raises(AlreadyExists):
            await client.create(CONFIG_MAPS.path("ns"), {"metadata": {"name": "a"}})
        await client.patch(PATH, {"data": {"k": None, "l": "2"}})
        assert kube.objects[PATH]["data"] == {"l": "2"}
        with pytest.raises(Conflict):
            await client.replace(PATH, created)
        await client.patch(PATH, [{"op": "add", "path": "/data/m", "value": "3"}], "application/json-patch+json")
        kube.put("/api/v1/namespaces/other/configmaps/b", {})
        assert len((await client.list(CONFIG_MAPS, "ns")).items) == 1
        assert len((await client.list(CONFIG_MAPS)).items) == 2
        assert not (await client.list(CONFIG_MAPS, "ns", field_selector="metadata.name=b")).items
        await client.delete(PATH)
        assert PATH not in kube.objects
        kube.down = True
        with pytest.raises(ApiError):
            await client.get("/version")


async def test_watches() -> None:
    async with fake_kube() as kube, aiohttp.ClientSession() as session:
        client = KubeClient(kube.url, session)
        before = kube.put(PATH, {})["metadata"]["resourceVersion"]
        kube.put(PATH, {"data": {"k": "1"}})
        lines = client.watch_raw(CONFIG_MAPS, "ns", before, field_selector="metadata.name=a")
        assert json.loads(await anext(lines))["object"]["data"] == {"k": "1"}
        kube.put("/api/v1/namespaces/ns/configmaps/other", {})
        kube.remove(PATH)
        async with asyncio.timeout(30):
            assert json.loads(await anext(lines))["type"] == "DELETED"
        kube.close_watches()
        with pytest.raises(StopAsyncIteration):
            await anext(lines)
