"""Steps of self-starting trust, from every place where a crash can leave it; and given trust."""

from base64 import b64encode
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from linkerd_identity import trust
from linkerd_identity.settings import Lives
from linkerd_identity.trust import Broken, Bundle, MakeAnchor, MakeIssuer, Material, Publish, Serve, State, next_step
from linkerd_runtime import pki

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LIVES = Lives()
ANCHOR = trust.make_anchor("linkerd", "cluster.local", LIVES, NOW)
ISSUER = trust.make_issuer(ANCHOR, "linkerd", "cluster.local", LIVES, NOW)


def material(pair: pki.KeyPair, *, ours: bool = True, ca: str = "") -> Material:
    return Material(pair.certificate_pem, pair.key_pem, ca, ours)


def test_from_nothing_to_serving_one_object_at_a_time() -> None:
    """Replays a whole self-start: after each step the state is read again, as after a crash."""
    stored: dict[str, Any] = {}
    steps = []
    for _ in range(10):
        state = State(
            trust.read_material(stored["issuer"]) if "issuer" in stored else None,
            trust.read_config_map(stored["bundle"]) if "bundle" in stored else None,
            trust.read_material(stored["anchor"]) if "anchor" in stored else None,
        )
        step = next_step(state, NOW)
        steps.append(type(step))
        if isinstance(step, MakeAnchor):
            stored["anchor"] = trust.secret_of("linkerd-identity-trust-anchor", "linkerd", ANCHOR)
        elif isinstance(step, Publish):
            stored["bundle"] = trust.config_map_of("linkerd", step.bundle)
        elif isinstance(step, MakeIssuer):
            pair = trust.make_issuer(step.anchor, "linkerd", "cluster.local", LIVES, NOW)
            stored["issuer"] = trust.secret_of("linkerd-identity-issuer", "linkerd", pair)
        else:
            break
    assert steps == [MakeAnchor, Publish, MakeIssuer, Serve]
    assert stored["bundle"]["data"]["ca-bundle.crt"] == ANCHOR.certificate_pem


def test_a_new_anchor_is_added_to_a_published_bundle() -> None:
    old = trust.make_anchor("linkerd", "cluster.local", LIVES, NOW)
    state = State(None, Bundle(old.certificate_pem, ours=True), material(ANCHOR))
    assert next_step(state, NOW) == Publish(old.certificate_pem + ANCHOR.certificate_pem)


def test_a_lost_bundle_is_published_again() -> None:
    for bundle in (None, Bundle("", ours=True)):
        state = State(material(ISSUER), bundle, material(ANCHOR))
        assert next_step(state, NOW) == Publish(ANCHOR.certificate_pem)


def test_a_lost_issuer_is_made_again_under_the_same_anchor() -> None:
    step = next_step(State(None, Bundle(ANCHOR.certificate_pem, ours=True), material(ANCHOR)), NOW)
    assert isinstance(step, MakeIssuer)
    assert step.anchor.certificate == ANCHOR.certificate


def test_given_with_a_bundle() -> None:
    state = State(material(ISSUER, ours=False), Bundle(ANCHOR.certificate_pem, ours=False), None)
    step = next_step(state, NOW)
    assert isinstance(step, Serve)
    assert step.issuer.chain == ISSUER.certificate_pem


def test_given_publishes_its_own_ca() -> None:
    given = material(ISSUER, ours=False, ca=ANCHOR.certificate_pem)
    assert next_step(State(given, None, None), NOW) == Publish(ANCHOR.certificate_pem)


OTHER = trust.make_anchor("linkerd", "cluster.local", LIVES, NOW)
BROKEN = {
    "given without bundle or ca.crt": (State(material(ISSUER, ours=False), None, None), "has no ca.crt"),
    "given with an unreadable ca.crt": (State(material(ISSUER, ours=False, ca="x"), None, None), "not readable"),
    "a bundle is given, the issuer is not": (
        State(None, Bundle(ANCHOR.certificate_pem, ours=False), None),
        "must be given too",
    ),
    "the anchor's Secret is garbage": (State(None, None, Material("x", "y", "", ours=True)), "trust-anchor"),
    "the issuer does not chain": (
        State(material(ISSUER), Bundle(OTHER.certificate_pem, ours=True), None),
        "does not chain",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_what_only_a_person_can_mend(case: str) -> None:
    state, words = BROKEN[case]
    step = next_step(state, NOW)
    assert isinstance(step, Broken)
    assert words in step.reason


def test_an_expired_issuer_is_not_served() -> None:
    state = State(material(ISSUER), Bundle(ANCHOR.certificate_pem, ours=True), None)
    assert isinstance(next_step(state, NOW + timedelta(days=366)), Broken)


def test_lives() -> None:
    assert ANCHOR.certificate.not_valid_after_utc == NOW + timedelta(days=3650)
    assert ISSUER.certificate.not_valid_after_utc == NOW + timedelta(days=365)
    short = trust.make_anchor("linkerd", "cluster.local", Lives(anchor=timedelta(hours=1)), NOW)
    under = trust.make_issuer(short, "linkerd", "cluster.local", LIVES, NOW)
    assert under.certificate.not_valid_after_utc == NOW + timedelta(hours=1)


def test_the_anchors_key_is_read_only_where_it_matters() -> None:
    bundle = Bundle(ANCHOR.certificate_pem, ours=True)
    assert trust.needs_anchor(None, bundle)
    assert trust.needs_anchor(material(ISSUER), None)
    assert not trust.needs_anchor(material(ISSUER), bundle)
    assert not trust.needs_anchor(material(ISSUER, ours=False), None)


def test_both_forms_of_secrets() -> None:
    def encoded(**data: str) -> dict[str, Any]:
        return {"data": {name.replace("_", "."): b64encode(text.encode()).decode() for name, text in data.items()}}

    assert trust.read_material(encoded(crt_pem="c", key_pem="k")) == Material("c", "k", "", ours=False)
    assert trust.read_material(encoded(tls_crt="c", tls_key="k", ca_crt="a")) == Material("c", "k", "a", ours=False)
    assert trust.read_material({"data": {"tls.crt": "%%%"}}) == Material("", "", "", ours=False)
    assert trust.read_material({}) == Material("", "", "", ours=False)
    ours = trust.secret_of("name", "linkerd", ISSUER)
    assert trust.read_material(ours).ours
