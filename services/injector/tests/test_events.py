"""Events on owners."""

import asyncio

import aiohttp

from linkerd_injector.events import Events
from linkerd_injector.owners import Owner
from linkerd_kube import EventRecorder, KubeClient, ObjectRef
from linkerd_rules.injection import Injection, SkipReason
from linkerd_testkit.kube import FakeKube
from linkerd_testkit.ports import eventually

OWNER = Owner("deployment", "web", ObjectRef("Deployment", "web", "emojivoto", "u", "apps/v1"))


async def test_injected_and_skipped(kube: FakeKube) -> None:
    async with aiohttp.ClientSession() as session:
        events = Events(EventRecorder(KubeClient(kube.url, session), "linkerd-proxy-injector"))
        task = asyncio.ensure_future(events.run())
        events.injection(Owner("pod", "lonely", None), Injection({}, injected=True))
        events.injection(OWNER, Injection({}, injected=True))
        both = (SkipReason.HOST_NETWORK, SkipReason.SIDECAR_EXISTS)
        events.injection(OWNER, Injection(None, injected=False, reasons=both))
        await eventually(lambda: len(kube.events()) == 2, what="two events")
        task.cancel()
        await asyncio.wait({task})
    messages = {o["reason"]: o["message"] for path, o in kube.objects.items() if "/events/" in path}
    assert messages == {
        "Injected": "Linkerd sidecar proxy injected",
        "InjectionSkipped": (
            "Linkerd sidecar proxy injection skipped: hostNetwork is enabled, pod has a sidecar injected already"
        ),
    }


async def test_a_full_queue_drops(kube: FakeKube) -> None:
    async with aiohttp.ClientSession() as session:
        events = Events(EventRecorder(KubeClient(kube.url, session), "linkerd-proxy-injector"))
        for number in range(2000):
            owner = Owner("deployment", "web", ObjectRef("Deployment", "web", "emojivoto", str(number), "apps/v1"))
            events.injection(owner, Injection({}, injected=True))


async def test_an_owner_gets_a_burst_and_then_one_in_five_minutes(kube: FakeKube) -> None:
    now = 0.0
    async with aiohttp.ClientSession() as session:
        events = Events(EventRecorder(KubeClient(kube.url, session), "linkerd-proxy-injector"), lambda: now)
        other = Owner("deployment", "b", ObjectRef("Deployment", "b", "emojivoto", "other", "apps/v1"))
        for _ in range(100):
            events.injection(OWNER, Injection({}, injected=True))
        assert events.waiting == 25
        events.injection(other, Injection({}, injected=True))
        assert events.waiting == 26
        now = 300.0
        for _ in range(5):
            events.injection(OWNER, Injection({}, injected=True))
        assert events.waiting == 27
