"""The whole service on sockets: self-start, the race of two replicas, resumption, and real certifying workloads."""

import asyncio
import contextlib
from pathlib import Path

import aiohttp
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
