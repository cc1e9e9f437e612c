"""The bench's API server, as the service's own client sees it."""

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import pytest
from bench.destination.api import ReplayApi
from bench.destination.cluster import Cluster

from linkerd_kube import KubeClient, NotFound, resources


@pytest.fixture
async def api() -> AsyncIterator[tuple[ReplayApi, KubeClient]]:
    made = ReplayApi(Cluster(20), {"one": '{"metadata":{"name":"one"}}'})
    url = await made.start()
    async with aiohttp.ClientSession() as session:
        yield made, KubeClient(url, session)
    await made.stop()


async def test_lists_in_pages_and_what_is_not_served(api: tuple[ReplayApi, KubeClient]) -> None:
    _, client = api
    pages = [page async for page in client.list_raw(resources.PODS, limit=90)]
    assert [len(page.items) for page in pages] == [90, 90, 20]
    assert len((await client.list(resources.CONFIG_MAPS, "linkerd", field_selector="metadata.name=one")).items) == 1
    with pytest.raises(NotFound):
        await client.list(resources.HTTP_ROUTES)
    with pytest.raises(NotFound):
        await client.get(resources.LEASES.path("linkerd", "x"))
    assert await client.create(resources.EVENTS.path("ns"), {"kind": "Event"}) == {"kind": "Event"}


async def test_watches_get_what_they_missed_and_what_comes(api: tuple[ReplayApi, KubeClient]) -> None:
    server, client = api
    since = server.version
    server.send("/api/v1/pods", "MODIFIED", '{"n":1}')
    lines: asyncio.Queue[bytes] = asyncio.Queue()

    async def watch() -> None:
        async for line in client.watch_raw(resources.PODS, None, str(since)):
            lines.put_nowait(line)

    task = asyncio.create_task(watch())
    assert await asyncio.wait_for(lines.get(), 30) == b'{"type":"MODIFIED","object":{"n":1}}'
    server.send("/api/v1/services", "MODIFIED", '{"n":2}')
    server.send("/api/v1/pods", "DELETED", '{"n":3}')
    assert await asyncio.wait_for(lines.get(), 30) == b'{"type":"DELETED","object":{"n":3}}'
    task.cancel()
    await asyncio.wait((task,))
