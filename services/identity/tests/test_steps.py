"""What each step writes."""

from datetime import UTC, datetime

import pytest

from linkerd_contract import names
from linkerd_identity import steps, stored, trust
from linkerd_identity.settings import Lives
from linkerd_identity.steps import Mesh, Objects, write_of
from linkerd_identity.stored import Anchors, Bundle
from linkerd_identity.trust import ForgetAnchors, MakeAnchor, MakeIssuer, Publish, StageAnchor, Step, SwitchAnchor
from linkerd_runtime import pki

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LIVES = Lives()
ANCHOR = trust.make_anchor("linkerd", "cluster.local", LIVES, NOW)
OWN = Anchors(ANCHOR.certificate_pem, ANCHOR.key_pem)
CASES: list[tuple[Step, str]] = [
    (MakeAnchor(), names.ANCHOR_SECRET),
    (StageAnchor(OWN, ""), names.ANCHOR_SECRET),
    (SwitchAnchor(OWN), names.ANCHOR_SECRET),
    (ForgetAnchors(OWN), names.ANCHOR_SECRET),
    (Publish(Bundle("x", ours=True)), names.TRUST_ROOTS_CONFIG_MAP),
    (MakeIssuer(ANCHOR, ""), names.ISSUER_SECRET),
]


@pytest.mark.parametrize(("step", "name"), CASES, ids=lambda case: type(case).__name__)
def test_one_object_each_created_or_replaced_at_the_version_read(step: Step, name: str) -> None:
    first = write_of(step, Objects(), Mesh("linkerd", "cluster.local"), LIVES, NOW)
    assert (first.name, first.replaces) == (name, False)
    assert first.body["metadata"]["name"] == name
    there = {**first.body, "metadata": {**first.body["metadata"], "resourceVersion": "5"}}
    second = write_of(step, Objects(there, there, there), Mesh("linkerd", "cluster.local"), LIVES, NOW)
    assert second.replaces
    assert second.body["metadata"]["resourceVersion"] == "5"
    assert steps.SENTENCES[type(step)]


def test_a_staged_anchor_stands_beside_the_one_in_use() -> None:
    write = write_of(StageAnchor(OWN, "asked"), Objects(), Mesh("linkerd", "cluster.local"), LIVES, NOW)
    anchors = stored.read_anchors(write.body)
    assert (anchors.certificate, anchors.key, anchors.answers) == (OWN.certificate, OWN.key, "asked")
    pki.read_key(anchors.next_key)
    assert anchors.next_certificate not in ("", OWN.certificate)


def test_an_issuer_says_when_and_why_it_was_made() -> None:
    write = write_of(MakeIssuer(ANCHOR, "asked"), Objects(), Mesh("linkerd", "cluster.local"), LIVES, NOW)
    material = stored.read_material(write.body)
    assert (material.made_at, material.answers, material.ours) == (NOW, "asked", True)
    pki.read_certificates(material.certificate)[0].verify_directly_issued_by(ANCHOR.certificate)
