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
        absent = Injection(None, injected=False, reasons=(SkipReason.ANNOTATION_ABSENT,))
        events.injection(OWNER, absent)
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
        for _ in range(2000):
            events.injection(OWNER, Injection({}, injected=True))
