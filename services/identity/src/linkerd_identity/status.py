"""PURE: the page that tells people where trust stands (`GET /v1/trust`). Nothing secret is in it."""

from datetime import UTC, datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import NameOID

from linkerd_contract.trust import Certificate, Mode, TrustStatus
from linkerd_identity.authority import Issuer
from linkerd_identity.trust import Plan, State
from linkerd_runtime import pki


def of(state: State, plan: Plan, issuer: Issuer | None) -> TrustStatus:
    """`issuer` is what signs now, which a plan that refuses an update leaves as it is."""
    anchors = pki.read_certificates(issuer.bundle) if issuer is not None else []
    return TrustStatus(
        mode=Mode.given if state.given else Mode.self_running,
        phase=plan.phase,
        anchors=[_certificate(anchor) for anchor in anchors],
        issuer=None if issuer is None else _certificate(issuer.pair.certificate),
        issuer_anchor="" if issuer is None else _digest(issuer.anchor),
        until="" if plan.again is None else _stamp(plan.again),
        refused=plan.refused,
        answered_issuer=state.issuer.answers if state.issuer is not None else "",
        answered_anchor=state.anchors.answers if state.anchors is not None else "",
    )


def _certificate(certificate: x509.Certificate) -> Certificate:
    names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return Certificate(
        sha256=_digest(certificate),
        not_before=_stamp(certificate.not_valid_before_utc),
        not_after=_stamp(certificate.not_valid_after_utc),
        common_name=str(names[0].value) if names else "",
    )


def _digest(certificate: x509.Certificate) -> str:
    return certificate.fingerprint(hashes.SHA256()).hex()


def _stamp(time: datetime) -> str:
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
