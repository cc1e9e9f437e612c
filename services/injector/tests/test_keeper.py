"""The keeper alone: what it does when the API server refuses, and when the configuration is not there."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import pytest
from services.injector.tests.helpers import MUTATING, SECRET, settings, webhook

from linkerd_injector.keeper import LACKS_CA_BUNDLE, LACKS_CERTIFICATE, CertificateKeeper
from linkerd_kube import KubeClient
from linkerd_runtime.health import Readiness
from linkerd_testkit.kube import FakeKube
from linkerd_testkit.ports import eventually


@asynccontextmanager
async def keeping(kube: FakeKube, directory: Path) -> AsyncIterator[tuple[CertificateKeeper, Readiness]]:
    async with aiohttp.ClientSession() as session:
        readiness = Readiness()
        keeper = CertificateKeeper(
            settings(), KubeClient(kube.url, session), directory, readiness, lambda: datetime.now(UTC)
        )
        tasks = [asyncio.ensure_future(reflector.run()) for reflector in keeper.reflectors()]
        tasks.append(asyncio.ensure_future(keeper.run()))
        yield keeper, readiness
        assert not any(task.done() for task in tasks)
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


async def test_configuration_comes_later(empty_kube: FakeKube, tmp_path: Path) -> None:
    async with keeping(empty_kube, tmp_path) as (keeper, readiness):
        await eventually(keeper.available.is_set, what="the certificate")
        assert readiness.reasons == [LACKS_CA_BUNDLE]
        empty_kube.put(MUTATING, webhook("linkerd-proxy-injector"))
        await eventually(lambda: readiness.ready, what="caBundle")
        assert (tmp_path / "tls.key").stat().st_mode & 0o777 == 0o600


async def test_what_cert_manager_fills_in_is_left_to_it(kube: FakeKube, tmp_path: Path) -> None:
    configuration = webhook("linkerd-proxy-injector")
    configuration["metadata"] = {"annotations": {"cert-manager.io/inject-ca-from": "linkerd/webhook"}}
    kube.put(MUTATING, configuration)
    async with keeping(kube, tmp_path) as (keeper, readiness):
        await eventually(keeper.available.is_set, what="the certificate")
        assert readiness.reasons == [LACKS_CA_BUNDLE]
        configuration["webhooks"][1]["clientConfig"]["caBundle"] = "Y2E="
        kube.put(MUTATING, configuration)
        await eventually(lambda: readiness.ready, what="caBundle")
        assert kube.objects[MUTATING]["webhooks"][1]["clientConfig"]["caBundle"] == "Y2E="


async def test_a_deleted_secret_is_made_again(kube: FakeKube, tmp_path: Path) -> None:
    async with keeping(kube, tmp_path) as (_, readiness):
        await eventually(lambda: readiness.ready, what="ready")
        first = kube.remove(SECRET)["data"]["tls.crt"]
        await eventually(lambda: SECRET in kube.objects and kube.objects[SECRET]["data"]["tls.crt"] != first)
        ca = kube.objects[SECRET]["data"]["ca.crt"]
        await eventually(lambda: kube.objects[MUTATING]["webhooks"][1]["clientConfig"]["caBundle"] == ca)


async def test_an_unreadable_secret_of_ours_is_made_again(kube: FakeKube, tmp_path: Path) -> None:
    async with keeping(kube, tmp_path) as (_, readiness):
        await eventually(lambda: readiness.ready, what="ready")
        broken = {**kube.objects[SECRET], "data": {}}
        kube.put(SECRET, broken)
        await eventually(lambda: kube.objects[SECRET]["data"], what="the Secret made again")


async def test_forbidden_is_said_and_tried_again(
    kube: FakeKube, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    kube.refuse[f"GET {SECRET}"] = 403
    async with keeping(kube, tmp_path) as (_, readiness):
        await eventually(lambda: "serving certificate: Scripted" in caplog.text, what="the log line")
        assert LACKS_CERTIFICATE in readiness.reasons
        kube.refuse.clear()
        await eventually(lambda: readiness.ready, what="ready")
