"""The certificate that identity serves with."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from linkerd_identity import trust
from linkerd_identity.api import Authority
from linkerd_identity.authority import Issuer, check_issuer
from linkerd_identity.serving import ServingCertificate
from linkerd_identity.settings import Lives
from linkerd_runtime import pki
from linkerd_testkit.ports import eventually

NAME = "linkerd-identity.linkerd.serviceaccount.identity.linkerd.cluster.local"


def issuer(lives: Lives) -> Issuer:
    now = datetime.now(UTC)
    anchor = trust.make_anchor("linkerd", "cluster.local", lives, now)
    pair = trust.make_issuer(anchor, "linkerd", "cluster.local", lives, now)
    return check_issuer(pair.certificate_pem, pair.key_pem, anchor.certificate_pem, now)


async def test_issued_to_itself_and_again_for_another_issuer(tmp_path: Path) -> None:
    signer = Authority(lambda: datetime.now(UTC))
    serving = ServingCertificate(NAME, str(tmp_path / "end-entity"), signer)
    task = asyncio.ensure_future(serving.run())
    chain = tmp_path / "end-entity" / "serving-chain.pem"
    first = issuer(signer.lives)
    serving.renew(first)
    await eventually(serving.available.is_set)
    assert chain.read_text().endswith(first.chain)
    assert (tmp_path / "end-entity" / "serving-key.pem").stat().st_mode & 0o777 == 0o600
    second = issuer(signer.lives)
    serving.renew(second)
    await eventually(lambda: chain.read_text().endswith(second.chain), what="the second certificate")
    leaf = pki.read_certificates(chain.read_text())[0]
    assert leaf.not_valid_after_utc > datetime.now(UTC)
    task.cancel()
    await asyncio.wait({task})


async def test_an_issuer_that_has_ended_is_tried_again(tmp_path: Path) -> None:
    signer = Authority(lambda: datetime.now(UTC) + timedelta(days=400))
    serving = ServingCertificate(NAME, str(tmp_path), signer)
    task = asyncio.ensure_future(serving.run())
    serving.renew(issuer(signer.lives))
    await asyncio.sleep(0.05)
    assert not serving.available.is_set()
    assert not task.done()
    task.cancel()
    await asyncio.wait({task})


@pytest.mark.parametrize("jump", [timedelta(hours=23), timedelta(hours=-2)])
async def test_a_clock_that_is_set_brings_another_certificate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, jump: timedelta
) -> None:
    """Ahead: what is served would end before its renewal. Back: it would be of the future, and refused by clients."""
    monkeypatch.setattr("linkerd_runtime.clocks.STEP_SECONDS", 0.02)
    signer = Authority(lambda: datetime.now(UTC))
    serving = ServingCertificate(NAME, str(tmp_path), signer)
    lives = Lives(skew=timedelta(hours=3))
    signer.lives = lives
    task = asyncio.ensure_future(serving.run())
    serving.renew(issuer(lives))
    await eventually(serving.available.is_set)
    chain = tmp_path / "serving-chain.pem"
    first = chain.read_text()
    signer.now = lambda: datetime.now(UTC) + jump
    await eventually(lambda: chain.read_text() != first, what="another certificate")
    task.cancel()
    await asyncio.wait({task})
