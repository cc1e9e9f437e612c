"""The three objects as JSON and back."""

from base64 import b64encode
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from linkerd_contract.trust import ANNOTATION_ROTATE_ANCHOR
from linkerd_identity import stored, trust
from linkerd_identity.settings import Lives
from linkerd_identity.stored import Anchors, Bundle, Material

NOW = datetime(2026, 1, 1, 12, 30, 15, 250000, tzinfo=UTC)
PAIR = trust.make_anchor("linkerd", "cluster.local", Lives(), NOW)


def encoded(**data: str) -> dict[str, Any]:
    return {"data": {name.replace("_", "."): b64encode(text.encode()).decode() for name, text in data.items()}}


def test_both_forms_of_a_users_secret() -> None:
    assert stored.read_material(encoded(crt_pem="c", key_pem="k")) == Material("c", "k", "", ours=False)
    assert stored.read_material(encoded(tls_crt="c", tls_key="k", ca_crt="a")) == Material("c", "k", "a", ours=False)
    assert stored.read_material({"data": {"tls.crt": "%%%"}}) == Material("", "", "", ours=False)
    assert stored.read_material({}) == Material("", "", "", ours=False)


def test_an_issuer_of_ours_until_somebody_applies_another_over_it() -> None:
    secret = stored.issuer_secret("linkerd", PAIR, "anchor", NOW, "2026")
    read = stored.read_material(secret)
    assert read == Material(PAIR.certificate_pem, PAIR.key_pem, "anchor", True, NOW, "2026")
    secret["data"] |= encoded(crt_pem="another")["data"]
    assert not stored.read_material(secret).ours


def test_anchors() -> None:
    for anchors in (Anchors("c", "k"), Anchors("c", "k", "n", "nk", "p", "asked"), Anchors(next_certificate="n")):
        assert stored.read_anchors(stored.anchor_secret("linkerd", anchors)) == anchors
    assert stored.read_anchors({}) == Anchors()


def test_the_bundle() -> None:
    bundle = Bundle("pem", True, NOW, NOW + timedelta(seconds=1), timedelta(hours=24.5))
    body = stored.config_map_of("linkerd", bundle)
    assert stored.read_config_map(body) == bundle
    body["metadata"]["annotations"][ANNOTATION_ROTATE_ANCHOR] = "now"
    assert stored.read_config_map(body).rotate_anchor == "now"
    assert stored.read_config_map({"data": {"ca-bundle.crt": " x \n"}}) == Bundle("x", ours=False)
    assert stored.read_config_map({}) == Bundle("", ours=False)


@given(st.text(max_size=30), st.text(max_size=12))
def test_annotations_that_others_have_spoiled_are_none(time: str, overlap: str) -> None:
    body = stored.config_map_of("linkerd", Bundle("pem", ours=True))
    body["metadata"]["annotations"] |= {
        "identity.linkerd.io/published-at": time,
        "identity.linkerd.io/overlap-seconds": overlap,
    }
    read = stored.read_config_map(body)
    assert read.published_at is None or read.published_at.tzinfo is not None
    assert read.overlap >= timedelta(0)


def test_what_others_have_added_stays() -> None:
    there = stored.config_map_of("linkerd", Bundle("old", ours=True))
    there["metadata"] |= {"resourceVersion": "7", "uid": "u"}
    there["metadata"]["annotations"]["theirs"] = "1"
    there["data"]["theirs"] = "2"
    body = stored.replacing(there, stored.config_map_of("linkerd", Bundle("new", ours=True)))
    assert body["data"] == {"ca-bundle.crt": "new", "theirs": "2"}
    assert body["metadata"]["resourceVersion"] == "7"
    assert body["metadata"]["annotations"]["theirs"] == "1"


def test_a_secrets_old_keys_do_not_stay() -> None:
    there = stored.anchor_secret("linkerd", Anchors("c", "k", "n", "nk", "p"))
    there["metadata"]["resourceVersion"] = "7"
    body = stored.replacing(there, stored.anchor_secret("linkerd", Anchors("n", "nk", previous="c")))
    assert stored.read_anchors(body) == Anchors("n", "nk", previous="c")
    assert set(body["data"]) == {"crt.pem", "key.pem", "previous.crt.pem"}
