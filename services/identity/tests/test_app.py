"""The whole service on sockets: self-start, the race of two replicas, resumption, and real certifying workloads."""

import asyncio
import contextlib
import ssl
from pathlib import Path

import aiohttp
import pytest
from services.identity.tests.helpers import ANCHOR, BUNDLE, ISSUER, WEB, running, settings

from linkerd_runtime.certify import Certifier, CertifySettings, Credentials
from linkerd_testkit.kube import FakeKube
from linkerd_testkit.ports import eventually


async def test_end_to_end(kube: FakeKube, tmp_path: Path) -> None:
    kube.account("a-token", "emojivoto", "web", "pod-1")
    (tmp_path / "token").write_text("a-token\n")
    async with running(kube, settings(tmp_path / "identity-0")) as service:
        await eventually(lambda: service.readiness.ready, what="ready")
        bundle = kube.objects[BUNDLE]["data"]["ca-bundle.crt"]
        got: list[Credentials] = []
        certifier = Certifier(
            CertifySettings(
                f"127.0.0.1:{service.port}",
                service.settings.server_name,
                WEB,
                str(tmp_path / "token"),
                str(tmp_path / "end-entity"),
                bundle,
            ),
            got.append,
        )
        task = asyncio.ensure_future(certifier.run())
        await eventually(lambda: got or task.done(), what="a certificate")
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        assert got[0].identity == WEB
        assert got[0].trust_bundle == bundle
        await eventually(lambda: ("web", "Normal", "IssuedLeafCertificate") in kube.events(), what="the event")
        async with aiohttp.ClientSession() as session:
            metrics = await (await session.get(f"http://127.0.0.1:{service.admin_port}/metrics")).text()
        assert "certificates_issued_total 1.0" in metrics
        assert "issuer_cert_ttl_seconds 3.15" in metrics
    assert set(kube.objects) >= {ANCHOR, BUNDLE, ISSUER}


async def test_tls_1_3_only(kube: FakeKube, tmp_path: Path) -> None:
    async with running(kube, settings(tmp_path)) as service:
        await eventually(lambda: service.readiness.ready, what="ready")
        context = ssl.create_default_context(cadata=kube.objects[BUNDLE]["data"]["ca-bundle.crt"])
        name = service.settings.server_name
        _, writer = await asyncio.open_connection("127.0.0.1", service.port, ssl=context, server_hostname=name)
        assert writer.get_extra_info("ssl_object").version() == "TLSv1.3"
        writer.close()
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        with pytest.raises((ssl.SSLError, ConnectionError)):
            await asyncio.open_connection("127.0.0.1", service.port, ssl=context, server_hostname=name)


async def test_two_replicas_start_at_once_and_agree(kube: FakeKube, tmp_path: Path) -> None:
    async with (
        running(kube, settings(tmp_path / "identity-0")) as one,
        running(kube, settings(tmp_path / "identity-1")) as two,
    ):
        await eventually(lambda: one.readiness.ready and two.readiness.ready, what="both ready")
        assert one.signer.issuer is not None
        assert two.signer.issuer is not None
        assert one.signer.issuer.same(two.signer.issuer)
    made = [request for request in kube.requests if request.startswith("POST") and "secrets" in request]
    assert len(made) == 2


async def test_ready_says_what_is_lacking(kube: FakeKube, tmp_path: Path) -> None:
    kube.down = True
    async with running(kube, settings(tmp_path)) as service, aiohttp.ClientSession() as session:
        base = f"http://127.0.0.1:{service.admin_port}"
        async with session.get(f"{base}/ready") as response:
            text = await response.text()
            assert response.status == 503
        assert "no answer from the Kubernetes API yet" in text
        assert "not serving certificates yet" in text
        async with session.get(f"{base}/live") as response:
            assert response.status == 200


async def test_the_serving_certificate_is_renewed_live(kube: FakeKube, tmp_path: Path) -> None:
    config = settings(tmp_path / "identity-0", LINKERD_IDENTITY_LEAF_LIFETIME="1s", LINKERD_IDENTITY_CLOCK_SKEW="1s")
    async with running(kube, config) as service:
        await eventually(lambda: service.readiness.ready, what="ready")
        chain = tmp_path / "identity-0" / "serving-chain.pem"
        first = chain.read_text()
        await eventually(lambda: chain.read_text() != first, what="another certificate")
