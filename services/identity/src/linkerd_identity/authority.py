"""PURE: the issuer, checked before it is used, and the leaves that it signs. The clock is an argument.

Leaves live from now - skew to now + life + skew, never longer than anything in the issuer's chain. The chain handed
out is the leaf and every certificate between it and the anchor, without the anchor.
"""

from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from linkerd_identity.csr import CheckedCsr
from linkerd_identity.settings import Lives
from linkerd_runtime import pki


class IssuerRefused(Exception):
    """An issuer, or a bundle, that must not be used; the message says why."""


class IssuerNotValidNow(Exception):
    """The issuer has ended, or not begun: or the clock is wrong."""


@dataclass(frozen=True, slots=True)
class Issuer:
    """An issuer that chains to the bundle."""

    pair: pki.KeyPair
    chain: str
    """PEM: the issuer and what stands between it and the anchor; "" where the issuer is an anchor."""
    not_before: datetime
    not_after: datetime
    """The ends of the whole chain's validity."""
    bundle: str
    """PEM of the trust anchors."""

    def same(self, other: "Issuer") -> bool:
        """Whether both sign and hand out the same."""
        mine = (self.pair.certificate, self.chain, self.bundle)
        return mine == (other.pair.certificate, other.chain, other.bundle)


@dataclass(frozen=True, slots=True)
class Leaf:
    """A certificate as handed out. `chain` is PEM, leaf first."""

    chain: str
    not_after: datetime


def check_issuer(certificate_pem: str, key_pem: str, bundle_pem: str, now: datetime) -> Issuer:
    """Everything that must hold before an issuer signs. Raises IssuerRefused."""
    try:
        certificates = pki.read_certificates(certificate_pem)
    except ValueError as error:
        raise IssuerRefused("the issuer's certificate is not readable PEM") from error
    try:
        key = pki.read_key(key_pem)
    except ValueError as error:
        raise IssuerRefused("the issuer's key is not a readable ECDSA P-256 key") from error
    anchors = read_bundle(bundle_pem)
    first = certificates[0]
    if first.public_key() != key.public_key():
        raise IssuerRefused("the issuer's key does not belong to its certificate")
    _check_authority(first)
    path = _path(certificates, anchors)
    # The anchor's own end counts: what it has signed is worth nothing afterwards.
    not_before = max(certificate.not_valid_before_utc for certificate in path)
    not_after = min(certificate.not_valid_after_utc for certificate in path)
    if now > not_after:
        raise IssuerRefused(f"the issuer or its anchor ended at {not_after:%Y-%m-%dT%H:%M:%SZ}")
    between = path[:-1]
    return Issuer(pki.KeyPair(first, key), pki.pem(*between), not_before, not_after, pki.pem(*anchors))


def read_bundle(bundle_pem: str) -> list[x509.Certificate]:
    """The trust anchors: CA certificates, ECDSA P-256 or RSA. Raises IssuerRefused."""
    try:
        anchors = pki.read_certificates(bundle_pem)
    except ValueError as error:
        raise IssuerRefused("the trust bundle is not readable PEM") from error
    for anchor in anchors:
        key = anchor.public_key()
        if not isinstance(key, ec.EllipticCurvePublicKey | rsa.RSAPublicKey):
            raise IssuerRefused("a trust anchor is neither ECDSA nor RSA")
        if not _is_authority(anchor):
            raise IssuerRefused("a certificate in the trust bundle is not a CA")
    return anchors


def issue(issuer: Issuer, csr: CheckedCsr, lives: Lives, now: datetime) -> Leaf:
    """Sign a leaf. Raises IssuerNotValidNow."""
    if now >= issuer.not_after:
        raise IssuerNotValidNow(f"the issuer ended at {issuer.not_after:%Y-%m-%dT%H:%M:%SZ}")
    if now + lives.skew < issuer.not_before:
        raise IssuerNotValidNow(f"the issuer is valid from {issuer.not_before:%Y-%m-%dT%H:%M:%SZ}")
    not_after = min(now + lives.leaf + lives.skew, issuer.not_after).replace(microsecond=0)
    validity = pki.Validity((now - lives.skew).replace(microsecond=0), not_after)
    certificate = pki.make_leaf(issuer.pair, csr.public_key, csr.identity, [csr.identity], validity)
    return Leaf(pki.pem(certificate) + issuer.chain, not_after)


def _check_authority(certificate: x509.Certificate) -> None:
    if not _is_authority(certificate):
        raise IssuerRefused("the issuer's certificate is not that of a CA")
    try:
        usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound:
        return
    if not usage.key_cert_sign:
        raise IssuerRefused("the issuer's certificate may not sign certificates")


def _is_authority(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except (x509.ExtensionNotFound, ValueError):
        return False


def _path(certificates: list[x509.Certificate], anchors: list[x509.Certificate]) -> list[x509.Certificate]:
    """From the issuer to its anchor, through the intermediates that came with it. Raises IssuerRefused."""
    path = [certificates[0]]
    intermediates = certificates[1:]
    while True:
        last = path[-1]
        if last in anchors:
            return path
        for anchor in anchors:
            if _signed(last, anchor):
                return [*path, anchor]
        parent = next((c for c in intermediates if c not in path and _signed(last, c)), None)
        if parent is None:
            raise IssuerRefused("the issuer does not chain to the trust bundle")
        path.append(parent)


def _signed(certificate: x509.Certificate, by: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(by)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True
