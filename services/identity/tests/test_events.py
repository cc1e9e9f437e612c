"""Events beside the work."""

import asyncio

import aiohttp

from linkerd_identity.events import Events
from linkerd_kube import KubeClient
from linkerd_testkit.kube import FakeKube
from linkerd_testkit.ports import eventually


async def test_on_accounts_and_on_the_deployment(kube: FakeKube) -> None:
    kube.put("/apis/apps/v1/namespaces/linkerd/deployments/linkerd-identity", {"kind": "Deployment"})
    async with aiohttp.ClientSession() as session:
        events = Events(KubeClient(kube.url, session), "linkerd", "identity-0")
        task = asyncio.ensure_future(events.run())
        events.on_account("emojivoto", "web", "u-1", "IssuedLeafCertificate", "issued")
        events.on_deployment("Warning", "IssuerUpdateSkipped", "it does not chain")
        await eventually(lambda: len(kube.events()) == 2, what="two events")
        task.cancel()
        await asyncio.wait({task})
    written = {o["reason"]: o for path, o in kube.objects.items() if "/events/" in path}
    assert written["IssuedLeafCertificate"]["involvedObject"]["uid"] == "u-1"
    assert written["IssuerUpdateSkipped"]["involvedObject"]["uid"]
    assert written["IssuerUpdateSkipped"]["source"]["component"] == "linkerd-identity"


async def test_a_full_queue_drops(kube: FakeKube) -> None:
    async with aiohttp.ClientSession() as session:
        events = Events(KubeClient(kube.url, session), "linkerd", "identity-0")
        for _ in range(2000):
            events.on_account("emojivoto", "web", "u-1", "IssuedLeafCertificate", "issued")


async def test_the_same_event_waits_once(kube: FakeKube) -> None:
    async with aiohttp.ClientSession() as session:
        events = Events(KubeClient(kube.url, session), "linkerd", "identity-0")
        for _ in range(100):
            events.on_account("emojivoto", "web", "u-1", "IssuedLeafCertificate", "issued")
        task = asyncio.ensure_future(events.run())
        events.on_account("emojivoto", "last", "u-2", "IssuedLeafCertificate", "issued")
        await eventually(lambda: len(kube.events()) == 2, what="two events")
        task.cancel()
        await asyncio.wait({task})
