"""The certificate that proxies know tap by."""

import asyncio
from pathlib import Path

import pytest
from services.viz.tests.tap.world import TAP

from linkerd_contract.names import TRUST_ROOTS_KEY
from linkerd_runtime.certify import Credentials
from linkerd_runtime.health import Readiness
from linkerd_testkit.certs import Authority
from linkerd_viz.tap.mesh import LACKS_BUNDLE, LACKS_CERTIFICATE, MeshIdentity
from linkerd_viz.tap.settings import from_env


def credentials(authority: Authority, directory: Path) -> Credentials:
    chain, key = authority.leaf(TAP).write(directory)
    return Credentials(TAP, str(chain), str(key), authority.anchors, 2e9)


async def test_context_follows_bundle_and_certificate(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    authority, readiness = Authority(), Readiness()
    mesh = MeshIdentity(from_env({}), readiness)
    assert readiness.reasons == [LACKS_BUNDLE, LACKS_CERTIFICATE]
    mesh.on_listed([])
    mesh.on_listed([{"data": {TRUST_ROOTS_KEY: " "}}])
    assert LACKS_BUNDLE in readiness.reasons
    mesh.on_listed([{"data": {TRUST_ROOTS_KEY: authority.anchors}}])
    assert (readiness.reasons, mesh.context) == ([LACKS_CERTIFICATE], None)
    mesh._on_credentials(credentials(authority, tmp_path))
    assert readiness.ready
    first = mesh.context
    assert first is not None
    mesh.on_deleted({})
    assert mesh.context is first
    mesh.on_applied({"data": {TRUST_ROOTS_KEY: Authority().anchors}})
    assert mesh.context is not first
    second = mesh.context
    mesh.on_applied({"data": {TRUST_ROOTS_KEY: "-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----"}})
    assert mesh.context is second, "a bad bundle changes nothing"
    assert "cannot be used" in caplog.text


async def test_no_certificate_is_asked_for_before_there_is_trust() -> None:
    running = asyncio.ensure_future(MeshIdentity(from_env({}), Readiness()).run())
    await asyncio.sleep(0)
    assert not running.done()
    running.cancel()
    await asyncio.wait((running,))
