"""The keeper against a Kubernetes API: trust first, then certificates; seen from a TLS client."""

import asyncio
from base64 import b64decode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from services.viz.tests.tap.world import FrontProxy, asking

from linkerd_kube import KubeClient
from linkerd_runtime.health import Readiness
from linkerd_runtime.process import serve
from linkerd_testkit.kube import FakeKube, fake_kube
from linkerd_testkit.ports import eventually
from linkerd_viz.tap.keeper import LACKS_FRONT_PROXY, Keeper

API = "/apis/apiregistration.k8s.io/v1/apiservices/v1alpha1.tap.linkerd.io"
WEBHOOK = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/linkerd-tap-injector-webhook-config"
CONFIG = "/api/v1/namespaces/kube-system/configmaps/extension-apiserver-authentication"
LIFE = timedelta(days=90)


def register(kube: FakeKube, front: FrontProxy) -> None:
    """What stands in the cluster after viz's installation."""
    service = {"namespace": "linkerd-viz"}
    kube.put(API, {"spec": {"service": {**service, "name": "tap"}}})
    kube.put(WEBHOOK, {"webhooks": [{"name": "w", "clientConfig": {"service": {**service, "name": "tap-injector"}}}]})
    names = '["front-proxy-client"]'
    kube.put(CONFIG, {"data": {"requestheader-client-ca-file": front.ca, "requestheader-allowed-names": names}})


def bundle(kube: FakeKube) -> str:
    """What the API server trusts."""
    return b64decode(kube.objects[API]["spec"].get("caBundle", "")).decode()


def trusted(kube: FakeKube) -> int:
    """How many CAs that is."""
    return bundle(kube).count("BEGIN CERTIFICATE")


@asynccontextmanager
async def keeping(kube: FakeKube, directory: Path, now: list[datetime]) -> AsyncIterator[tuple[Keeper, Readiness]]:
    """A keeper that runs."""
    directory.mkdir(exist_ok=True)
    async with aiohttp.ClientSession() as session:
        readiness = Readiness()
        keeper = Keeper(KubeClient(kube.url, session), "linkerd-viz", LIFE, directory, readiness, lambda: now[0])
        tasks = [asyncio.ensure_future(reflector.run()) for reflector in keeper.reflectors()]
        tasks.append(asyncio.ensure_future(keeper.run()))
        try:
            yield keeper, readiness
            assert not any(task.done() for task in tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)


async def test_trusted_and_served(tmp_path: Path) -> None:
    front = FrontProxy(tmp_path)
    async with fake_kube() as kube, keeping(kube, tmp_path / "k", [datetime.now(UTC)]) as (keeper, readiness):
        await eventually(lambda: "GET " + CONFIG in kube.requests, what="the first look")
        assert LACKS_FRONT_PROXY in readiness.reasons
        register(kube, front)
        await eventually(lambda: readiness.ready, what="ready")
        assert keeper.allowed_names == {"front-proxy-client"}
        assert keeper.api is not None
        assert not (tmp_path / "k" / "tls.key").exists(), "the key is not left in a file"

        async def who(request: web.Request) -> web.Response:
            assert request.transport is not None
            return web.Response(text=str(bool(request.transport.get_extra_info("peercert"))))

        app = web.Application()
        app.router.add_get("/", who)
        runner = await serve(app, "127.0.0.1", 0, keeper.api.context)
        url = f"https://127.0.0.1:{runner.addresses[0][1]}/"
        try:
            for certificate in (True, False):
                context = front.context(bundle(kube), certificate=certificate)
                async with asking(context) as http, http.get(url, server_hostname="tap.linkerd-viz.svc") as said:
                    assert await said.text() == str(certificate)
        finally:
            await runner.cleanup()


async def test_two_replicas_and_a_bundle_that_somebody_empties(tmp_path: Path) -> None:
    now = [datetime.now(UTC)]
    async with fake_kube() as kube:
        register(kube, FrontProxy(tmp_path))
        async with keeping(kube, tmp_path / "a", now) as (_, one), keeping(kube, tmp_path / "b", now) as (_, two):
            await eventually(lambda: one.ready and two.ready, what="both")
            assert trusted(kube) == 2
            kube.put(API, {"spec": {"service": {"namespace": "linkerd-viz", "name": "tap"}}})
            await eventually(lambda: trusted(kube) == 2, what="both again")


async def test_renewed_in_time(tmp_path: Path) -> None:
    now = [datetime.now(UTC)]
    async with fake_kube() as kube, keeping(kube, tmp_path / "k", now) as (_, readiness):
        register(kube, FrontProxy(tmp_path))
        await eventually(lambda: readiness.ready, what="ready")
        now[0] += timedelta(days=61)
        kube.put(CONFIG, kube.objects[CONFIG])
        await eventually(lambda: trusted(kube) == 2, what="the new CA beside the old one")


async def test_an_unusable_config_map_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with fake_kube() as kube, keeping(kube, tmp_path / "k", [datetime.now(UTC)]) as (keeper, readiness):
        register(kube, FrontProxy(tmp_path))
        kube.put(CONFIG, {"data": {"requestheader-client-ca-file": "x"}})
        await eventually(lambda: "cannot be used" in caplog.text, what="the log line")
        assert LACKS_FRONT_PROXY in readiness.reasons
        assert not keeper.available.is_set()
