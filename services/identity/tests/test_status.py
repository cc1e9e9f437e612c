"""The page about trust."""

from datetime import UTC, datetime

from cryptography.hazmat.primitives import hashes

from linkerd_contract import codec
from linkerd_contract.trust import Mode, Phase
from linkerd_identity import status, trust
from linkerd_identity.settings import Lives
from linkerd_identity.stored import Anchors, Bundle, Material
from linkerd_identity.trust import Plan, State

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LIVES = Lives()
ANCHOR = trust.make_anchor("linkerd", "cluster.local", LIVES, NOW)
ISSUER = trust.make_issuer(ANCHOR, "linkerd", "cluster.local", LIVES, NOW)


def test_public_facts_and_no_key() -> None:
    bundle = Bundle(ANCHOR.certificate_pem, True, NOW, NOW, LIVES.overlap)
    state = State(
        Material(ISSUER.certificate_pem, ISSUER.key_pem, "", True, NOW, "a"),
        bundle,
        Anchors(ANCHOR.certificate_pem, ANCHOR.key_pem, answers="b"),
    )
    plan = trust.plan(state, LIVES, NOW)
    page = status.of(state, plan, plan.serve)
    assert (page.mode, page.phase, page.until) == (Mode.self_running, Phase.steady, "2026-09-01T07:59:53Z")
    assert (page.answered_issuer, page.answered_anchor) == ("a", "b")
    assert page.issuer is not None
    assert page.issuer.common_name == "identity.linkerd.cluster.local"
    digest = ANCHOR.certificate.fingerprint(hashes.SHA256()).hex()
    assert page.issuer_anchor == digest == page.anchors[0].sha256
    assert b"KEY" not in codec.encode(page)


def test_without_trust() -> None:
    page = status.of(State(), Plan(refused="why"), None)
    assert (page.anchors, page.issuer, page.refused) == ([], None, "why")
