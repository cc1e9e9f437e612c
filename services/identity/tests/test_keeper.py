"""The keeper between the API server and trust: given trust, bad updates, crashes, what is published again."""

import base64
import time
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from services.identity.tests.helpers import ANCHOR, BUNDLE, ISSUER, running, settings

from linkerd_contract import codec
from linkerd_contract.trust import ANNOTATION_GIVEN, ANNOTATION_ROTATE_ANCHOR, TRUST_PATH, Mode, Phase, TrustStatus
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


async def test_announced_trust_is_waited_for(kube: FakeKube, tmp_path: Path) -> None:
    """As the component cert-manager has it: the ConfigMap first, cert-manager's Secret some time later."""
    kube.put(BUNDLE, {"metadata": {"annotations": {ANNOTATION_GIVEN: "true"}}})
    async with running(kube, settings(tmp_path)) as service:
        await eventually(lambda: "must be given too" in str(service.readiness.reasons), what="the reason on /ready")
        assert ISSUER not in kube.objects
        assert ANCHOR not in kube.objects
        pair = trust.make_issuer(ROOT, "linkerd", "cluster.local", LIVES, NOW)
        texts = {"tls.crt": pair.certificate_pem, "tls.key": pair.key_pem, "ca.crt": ROOT.certificate_pem}
        data = {name: base64.b64encode(text.encode()).decode() for name, text in texts.items()}
        kube.put(ISSUER, {"type": "kubernetes.io/tls", "data": data})
        await eventually(lambda: service.readiness.ready, what="ready")
        assert service.signer.issuer is not None
        assert service.signer.issuer.pair.certificate == pair.certificate
    published = kube.objects[BUNDLE]
    assert published["data"]["ca-bundle.crt"].strip() == ROOT.certificate_pem.strip()
    assert published["metadata"]["annotations"][ANNOTATION_GIVEN] == "true"
    assert ANCHOR not in kube.objects


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


def _other_kind() -> dict[str, str]:
    """RSA, for the issuer: leaves are signed with ECDSA P-256 only."""
    key = rsa.generate_private_key(65537, 2048)
    return {"key.pem": key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()}


def _unknown_curve() -> dict[str, str]:
    key = ec.generate_private_key(ec.SECP224R1())
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    der = base64.b64decode(b"".join(pem.strip().splitlines()[1:-1]))
    # secp224r1 (1.3.132.0.33) becomes 1.3.132.0.99, which nobody knows.
    odd = base64.encodebytes(der.replace(b"\x2b\x81\x04\x00\x21", b"\x2b\x81\x04\x00\x63")).decode()
    return {"key.pem": f"-----BEGIN PRIVATE KEY-----\n{odd}-----END PRIVATE KEY-----\n"}


def _leaf() -> dict[str, str]:
    key = pki.new_key()
    leaf = pki.make_leaf(ROOT, key.public_key(), "web", ["web"], pki.Validity(NOW, NOW + LIVES.leaf))
    return {"crt.pem": pki.pem(leaf), "key.pem": pki.private_pem(key)}


def _ended() -> dict[str, str]:
    long_ago = NOW - 2 * LIVES.issuer
    pair = pki.make_ca("identity.linkerd.cluster.local", pki.Validity(long_ago, long_ago + LIVES.leaf), parent=ROOT)
    return {"crt.pem": pair.certificate_pem, "key.pem": pair.key_pem}


BAD_UPDATES = {
    "no certificate": ({"crt.pem": "nonsense"}, "not readable PEM"),
    "another's key": ({"key.pem": ROOT.key_pem}, "does not belong to its certificate"),
    "a kind of key that we do not sign with": (_other_kind(), "not a readable ECDSA P-256 key"),
    "a kind of key that nobody knows": (_unknown_curve(), "not a readable ECDSA P-256 key"),
    "not a CA": (_leaf(), "not that of a CA"),
    "ended": (_ended(), "ended at"),
}


@pytest.mark.parametrize("case", BAD_UPDATES)
async def test_a_bad_update_is_refused_with_its_reason(kube: FakeKube, tmp_path: Path, case: str) -> None:
    changes, words = BAD_UPDATES[case]
    pair = given_issuer(kube)
    given_bundle(kube, ROOT)
    async with running(kube, settings(tmp_path)) as service:
        await eventually(lambda: service.readiness.ready, what="ready")
        secret = kube.objects[ISSUER]
        secret["data"] |= {key: base64.b64encode(text.encode()).decode() for key, text in changes.items()}
        kube.put(ISSUER, secret)
        await eventually(lambda: words in _said(kube, "IssuerUpdateSkipped"), what="the event")
        assert service.signer.issuer is not None
        assert service.signer.issuer.pair.certificate == pair.certificate
        assert service.readiness.ready
        assert words in service.status().refused


@pytest.mark.parametrize("text", ["nonsense", "", _leaf()["crt.pem"]])
async def test_a_bad_bundle_is_refused(kube: FakeKube, tmp_path: Path, text: str) -> None:
    given_issuer(kube)
    given_bundle(kube, ROOT)
    async with running(kube, settings(tmp_path)) as service:
        await eventually(lambda: service.readiness.ready, what="ready")
        kube.put(BUNDLE, {"data": {"ca-bundle.crt": text}})
        await eventually(lambda: _said(kube, "IssuerUpdateSkipped"), what="the event")
        assert service.signer.issuer is not None
        assert service.signer.issuer.bundle == ROOT.certificate_pem
        assert service.readiness.ready


async def test_what_no_watch_tells_is_found_by_reading(kube: FakeKube, tmp_path: Path) -> None:
    given_issuer(kube)
    given_bundle(kube, ROOT)
    async with running(kube, settings(tmp_path, **SHORT)) as service:
        await eventually(lambda: service.readiness.ready, what="ready")
        pair = trust.make_issuer(ROOT, "linkerd", "cluster.local", LIVES, NOW)
        # In place: watchers are not told.
        kube.objects[ISSUER]["data"] = stored.issuer_secret("linkerd", pair, "", NOW)["data"]
        await eventually(
            lambda: service.signer.issuer and service.signer.issuer.pair.certificate == pair.certificate,
            what="the new issuer",
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
        await eventually(lambda: service.readiness.ready, what="ready")


async def test_rbac_that_forbids_is_named(kube: FakeKube, tmp_path: Path) -> None:
    kube.refuse[f"GET {ISSUER}"] = 403
    async with running(kube, settings(tmp_path)) as service:
        await eventually(lambda: any("Scripted" in reason for reason in service.readiness.reasons), what="the reason")


def _decoded(secret: dict[str, object]) -> str:
    return stored.read_material(secret).certificate


SHORT = {
    "LINKERD_IDENTITY_LEAF_LIFETIME": "1s",
    "LINKERD_IDENTITY_CLOCK_SKEW": "100ms",
    "LINKERD_IDENTITY_ISSUER_LIFETIME": "12s",
    "LINKERD_IDENTITY_ANCHOR_LIFETIME": "60s",
}


async def test_a_rotation_that_is_asked_for_goes_through_with_two_replicas(kube: FakeKube, tmp_path: Path) -> None:
    """A second replica takes part; the first one ends while the next anchor waits."""
    async with running(kube, settings(tmp_path / "identity-1", **SHORT)) as second:
        async with running(kube, settings(tmp_path / "identity-0", **SHORT)) as first:
            await eventually(lambda: first.readiness.ready and second.readiness.ready, what="both ready")
            before = first.status()
            _ask(kube, "one")
            await eventually(lambda: len(first.status().anchors) == 2, what="two anchors")
        assert first.status().issuer_anchor == before.issuer_anchor
        await eventually(lambda: second.status().issuer_anchor != before.issuer_anchor, what="the switch")
        await eventually(
            lambda: second.status().phase is Phase.steady and len(second.status().anchors) == 1,
            what="the old anchor dropped",
        )
        assert second.status().answered_anchor == "one"
        # The certificate that it serves with is of the new issuer.
        chain = (tmp_path / "identity-1" / "serving-chain.pem").read_text()
        assert second.signer.issuer is not None
        assert chain.endswith(second.signer.issuer.chain)
        wanted = {"TrustAnchorStaged", "TrustAnchorSwitched", "TrustAnchorDropped", "IssuerUpdated"}
        await eventually(lambda: wanted <= {reason for _, _, reason in kube.events()}, what="the events")


async def test_what_was_read_long_ago_signs_nothing(kube: FakeKube, tmp_path: Path) -> None:
    async with running(kube, settings(tmp_path, **SHORT)) as service:
        await eventually(lambda: service.readiness.ready, what="ready")
        kube.down = True
        await eventually(lambda: service.signer.fresh_until < time.monotonic(), what="too old")
        kube.down = False
        await eventually(lambda: service.signer.fresh_until > time.monotonic(), what="read again")


async def test_the_page_about_trust(kube: FakeKube, tmp_path: Path) -> None:
    async with running(kube, settings(tmp_path)) as service, aiohttp.ClientSession() as session:
        await eventually(lambda: service.readiness.ready, what="ready")
        async with session.get(f"http://127.0.0.1:{service.admin_port}{TRUST_PATH}") as response:
            page = codec.decode(await response.read(), TrustStatus)
    assert (page.mode, page.phase, len(page.anchors)) == (Mode.self_running, Phase.steady, 1)


async def test_a_users_secret_applied_over_ours_is_given_trust(kube: FakeKube, tmp_path: Path) -> None:
    """`kubectl apply` keeps our annotations: the digest of the certificate tells."""
    async with running(kube, settings(tmp_path)) as service:
        await eventually(lambda: service.readiness.ready, what="ready")
        pair = trust.make_issuer(ROOT, "linkerd", "cluster.local", LIVES, NOW)
        secret = kube.objects[ISSUER]
        secret["data"] = stored.issuer_secret("linkerd", pair, ROOT.certificate_pem, NOW)["data"]
        kube.put(ISSUER, secret)
        await eventually(lambda: ("linkerd-identity", "Warning", "IssuerUpdateSkipped") in kube.events())
        assert service.status().mode is Mode.given
        assert service.readiness.ready


def _ask(kube: FakeKube, request: str) -> None:
    bundle = kube.objects[BUNDLE]
    bundle["metadata"]["annotations"][ANNOTATION_ROTATE_ANCHOR] = request
    kube.put(BUNDLE, bundle)


def _said(kube: FakeKube, reason: str) -> str:
    return " ".join(o["message"] for path, o in kube.objects.items() if "/events/" in path and o["reason"] == reason)
