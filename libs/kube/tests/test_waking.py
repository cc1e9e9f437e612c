"""Woken by one object and by nothing else."""

import asyncio

from libs.kube.tests.fake_api import FakeApi

from linkerd_kube import KubeClient, resources, waking, woken

CM = resources.CONFIG_MAPS


async def test_woken_by_each_change_of_its_object(api: FakeApi, client: KubeClient) -> None:
    changed = asyncio.Event()
    watching = asyncio.ensure_future(waking(client, changed, CM, "mine", "ns").run())

    async def once() -> None:
        await asyncio.wait_for(changed.wait(), 30)
        changed.clear()

    await once()  # listed
    await client.create(CM.path("ns"), {"metadata": {"name": "mine"}})
    await once()
    await client.delete(CM.path("ns", "mine"))
    await once()
    watching.cancel()
    await asyncio.wait({watching})


async def test_or_by_the_time() -> None:
    changed = asyncio.Event()
    await woken(changed, 0.01)
    changed.set()
    await asyncio.wait_for(woken(changed, 1000), 30)
