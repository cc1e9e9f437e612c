"""What the injector knows of the cluster, and what it says it lacks."""

import asyncio
import json
from collections.abc import AsyncIterator
from functools import partial

import aiohttp
import pytest
from services.injector.tests.helpers import BUNDLE, VALUES, bundle

from linkerd_injector.cluster import ClusterView, parse_version
from linkerd_kube import KubeClient
from linkerd_runtime.health import Readiness
from linkerd_testkit.kube import FakeKube
from linkerd_testkit.ports import eventually


@pytest.fixture
async def view(kube: FakeKube) -> AsyncIterator[ClusterView]:
    async with aiohttp.ClientSession() as session:
        readiness = Readiness()
        view = ClusterView(KubeClient(kube.url, session), "linkerd", readiness)
        tasks = [asyncio.ensure_future(reflector.run()) for reflector in view.reflectors()]
        await view.read_version()
        await eventually(lambda: readiness.ready, what="everything read")
        yield view
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


async def test_changes_are_followed(kube: FakeKube, view: ClusterView) -> None:
    assert view.config is not None
    first = view.config.trust_anchors
    kube.put(BUNDLE, {"data": {"ca-bundle.crt": bundle()}})
    await eventually(lambda: view.config and view.config.trust_anchors != first, what="the new bundle")
    kube.put(VALUES, {"data": {"values": json.dumps({"proxy": {"logLevel": "debug"}})}})
    await eventually(lambda: view.config and view.config.proxy.log_level == "debug", what="the new values")


async def test_bad_changes_leave_the_last_good_one(
    kube: FakeKube, view: ClusterView, caplog: pytest.LogCaptureFixture
) -> None:
    before = view.config
    for path, data, words in (
        (BUNDLE, {"ca-bundle.crt": "nonsense"}, "trust bundle cannot be read"),
        (VALUES, {"values": "["}, "cannot be read"),
        (VALUES, {}, "the last one stays in use"),
    ):
        kube.put(path, {"data": data})
        await eventually(partial(_said, caplog, words), what=words)
    assert view.config == before


def _said(caplog: pytest.LogCaptureFixture, words: str) -> bool:
    return words in caplog.text


async def test_annotations_of_namespaces(kube: FakeKube, view: ClusterView) -> None:
    assert await view.annotations_of("emojivoto") == {"linkerd.io/inject": "enabled"}
    assert await view.annotations_of("plain") == {}
    assert await view.annotations_of("nowhere") == {}
    kube.put("/api/v1/namespaces/plain", {"metadata": {"annotations": {"linkerd.io/inject": "enabled"}}})
    await eventually(lambda: view._namespaces.annotations["plain"], what="the annotation")
    assert await view.annotations_of("plain") == {"linkerd.io/inject": "enabled"}
    assert "GET /api/v1/namespaces/emojivoto" not in kube.requests


async def test_the_form_follows_the_version(kube: FakeKube) -> None:
    for version, native in (("v1.28.9", False), ("v1.29.0", True), ("v1.32.1-eks-1", True), ("v1.17.0", False)):
        kube.version = version
        async with aiohttp.ClientSession() as session:
            view = ClusterView(KubeClient(kube.url, session), "linkerd", Readiness())
            await view.read_version()
            assert view._native is native


def test_parse_version() -> None:
    assert parse_version("v1.29.3+k3s1") == (1, 29)
    for text in ("", "x", "v1"):
        with pytest.raises(ValueError, match="version"):
            parse_version(text)
