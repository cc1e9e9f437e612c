"""The keeper between the API server and trust: given trust, bad updates, crashes, what is published again."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from services.identity.tests.helpers import ANCHOR, BUNDLE, ISSUER, running, settings

from linkerd_identity import stored, trust
from linkerd_identity.settings import Lives
from linkerd_runtime import pki
from linkerd_testkit.kube import FakeKube
from linkerd_testkit.ports import eventually

NOW = datetime.now(UTC)
LIVES = Lives()
ROOT = trust.make_anchor("linkerd", "cluster.local", LIVES, NOW)


def given_issuer(kube: FakeKube, anchor: pki.KeyPair = ROOT) -> pki.KeyPair:
    """A Secret of the user's."""
    pair = trust.make_issuer(anchor, "linkerd", "cluster.local", LIVES, NOW)
    secret = stored.issuer_secret("linkerd", pair, anchor.certificate_pem, NOW)
    del secret["metadata"]["annotations"], secret["data"]["ca.crt"]
    kube.put(ISSUER, secret)
    return pair


def given_bundle(kube: FakeKube, *anchors: pki.KeyPair) -> None:
    text = "".join(anchor.certificate_pem for anchor in anchors)
    kube.put(BUNDLE, {"data": {"ca-bundle.crt": text}})


async def test_given_trust_is_used_and_nothing_is_made(kube: FakeKube, tmp_path: Path) -> None:
    pair = given_issuer(kube)
    given_bundle(kube, ROOT)
    async with running(kube, settings(tmp_path)) as service:
        await eventually(lambda: service.readiness.ready, what="ready")
        assert service.signer.issuer is not None
        assert service.signer.issuer.pair.certificate == pair.certificate
    assert not [r for r in kube.requests if r.startswith(("POST", "PUT", "PATCH")) and "/events" not in r]
    assert f"GET {ANCHOR}" not in kube.requests


async def test_an_update_is_taken_live_and_a_bad_one_is_not(kube: FakeKube, tmp_path: Path) -> None:
    given_issuer(kube)
    given_bundle(kube, ROOT)
    async with running(kube, settings(tmp_path)) as service:
        await eventually(lambda: service.readiness.ready, what="ready")
        second = given_issuer(kube)
        await eventually(
            lambda: service.signer.issuer and service.signer.issuer.pair.certificate == second.certificate,
            what="the new issuer",
        )
        await eventually(lambda: ("linkerd-identity", "Normal", "IssuerUpdated") in kube.events())
        stranger = trust.make_anchor("linkerd", "cluster.local", LIVES, NOW)
        given_issuer(kube, stranger)
        await eventually(lambda: ("linkerd-identity", "Warning", "IssuerUpdateSkipped") in kube.events())
        assert service.signer.issuer is not None
        assert service.signer.issuer.pair.certificate == second.certificate
        assert service.readiness.ready
        # The missing anchor is published: now it may be used.
        given_bundle(kube, ROOT, stranger)
        await eventually(
            lambda: service.signer.issuer and service.signer.issuer.pair.certificate != second.certificate,
            what="the third issuer",
        )


async def test_ready_names_what_only_a_person_can_mend(kube: FakeKube, tmp_path: Path) -> None:
    given_bundle(kube, ROOT)
    async with running(kube, settings(tmp_path)) as service:
        await eventually(lambda: "must be given too" in "".join(service.readiness.reasons), what="the reason")
        await eventually(lambda: ("linkerd-identity", "Warning", "IssuerValidationFailed") in kube.events())
        given_issuer(kube)
        await eventually(lambda: service.readiness.ready, what="ready")


@pytest.mark.parametrize("lost", [{ISSUER}, {BUNDLE}, {ISSUER, BUNDLE}, {ISSUER, BUNDLE, ANCHOR}])
async def test_resumes_wherever_a_crash_left_it(kube: FakeKube, tmp_path: Path, lost: set[str]) -> None:
    async with running(kube, settings(tmp_path / "identity-0")) as service:
        await eventually(lambda: service.readiness.ready, what="ready")
    for path in lost:
        kube.remove(path)
    anchor = kube.objects.get(ANCHOR)
    async with running(kube, settings(tmp_path / "identity-1")) as service:
        await eventually(lambda: service.readiness.ready, what="ready again")
    if anchor is not None:
        assert kube.objects[ANCHOR] == anchor
        assert kube.objects[BUNDLE]["data"]["ca-bundle.crt"] in _decoded(anchor)


async def test_a_deleted_bundle_comes_back_while_running(kube: FakeKube, tmp_path: Path) -> None:
    async with running(kube, settings(tmp_path)) as service:
        await eventually(lambda: service.readiness.ready, what="ready")
        before = kube.remove(BUNDLE)["data"]
        await eventually(lambda: BUNDLE in kube.objects, what="the bundle")
        assert kube.objects[BUNDLE]["data"] == before


async def test_api_server_away_at_start(kube: FakeKube, tmp_path: Path) -> None:
    kube.down = True
    async with running(kube, settings(tmp_path)) as service:
        await eventually(lambda: "no answer from the Kubernetes API yet" in service.readiness.reasons)
        kube.down = False
        await eventually(lambda: service.readiness.ready, seconds=30, what="ready")


async def test_rbac_that_forbids_is_named(kube: FakeKube, tmp_path: Path) -> None:
    kube.refuse[f"GET {ISSUER}"] = 403
    async with running(kube, settings(tmp_path)) as service:
        await eventually(lambda: any("Scripted" in reason for reason in service.readiness.reasons), what="the reason")


def _decoded(secret: dict[str, object]) -> str:
    return stored.read_material(secret).certificate
