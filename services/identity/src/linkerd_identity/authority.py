"""PURE: the issuer, checked before it is used, and the leaves that it signs. The clock is an argument.

Leaves live from now - skew to now + life + skew, never longer than anything in the issuer's chain. The chain handed
out is the leaf and every certificate between it and the anchor, without the anchor.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from linkerd_contract.trust import ANCHOR_CURVES, ANCHOR_KEYS, ANCHOR_RSA_BITS
from linkerd_identity.csr import CheckedCsr
from linkerd_identity.settings import Lives
from linkerd_runtime import pki


class IssuerRefused(Exception):
    """An issuer, or a bundle, that must not be used; the message says why."""


class NotYetValid(IssuerRefused):
    """An issuer or anchor of the future: or the clock is behind."""


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
    anchor: x509.Certificate
    """The one that this issuer stands under."""

    def same(self, other: "Issuer") -> bool:
        """Whether both sign and hand out the same."""
        mine = (self.pair.certificate, self.chain, self.bundle)
        return mine == (other.pair.certificate, other.chain, other.bundle)


@dataclass(frozen=True, slots=True)
class Leaf:
    """A certificate as handed out. `chain` is PEM, leaf first; `bundle` the anchors published with its issuer."""

    chain: str
    not_after: datetime
    bundle: str


def check_issuer(
    certificate_pem: str, key_pem: str, bundle_pem: str, now: datetime, skew: timedelta = timedelta(0)
) -> Issuer:
    """Everything that must hold before an issuer signs. Raises IssuerRefused, and NotYetValid among them."""
    try:
        certificates = pki.read_certificates(certificate_pem)
    except ValueError as error:
        raise IssuerRefused("the issuer's certificate is not readable PEM") from error
    try:
        key = pki.read_key(key_pem)
    except ValueError as error:
        raise IssuerRefused("the issuer's key is not a readable ECDSA P-256 key") from error
    anchors = read_bundle(bundle_pem)
    with _refusing("the issuer's certificate"):
        return _checked(certificates, key, anchors, now, skew)


def _checked(
    certificates: list[x509.Certificate],
    key: ec.EllipticCurvePrivateKey,
    anchors: list[x509.Certificate],
    now: datetime,
    skew: timedelta,
) -> Issuer:
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
    if now + skew < not_before:
        raise NotYetValid(f"the issuer or its anchor is valid from {not_before:%Y-%m-%dT%H:%M:%SZ}")
    between = path[:-1]
    return Issuer(pki.KeyPair(first, key), pki.pem(*between), not_before, not_after, pki.pem(*anchors), path[-1])


def read_bundle(bundle_pem: str) -> list[x509.Certificate]:
    """The trust anchors: CA certificates, their keys of ANCHOR_KEYS. Raises IssuerRefused."""
    try:
        anchors = pki.read_certificates(bundle_pem)
    except ValueError as error:
        raise IssuerRefused("the trust bundle is not readable PEM") from error
    with _refusing("a certificate in the trust bundle"):
        for anchor in anchors:
            if not _key_allowed(anchor.public_key()):
                raise IssuerRefused(f"a trust anchor's key is not one of {ANCHOR_KEYS}")
            if not _is_authority(anchor):
                raise IssuerRefused("a certificate in the trust bundle is not a CA")
    return anchors


def _key_allowed(key: object) -> bool:
    if isinstance(key, rsa.RSAPublicKey):
        return ANCHOR_RSA_BITS[0] <= key.key_size <= ANCHOR_RSA_BITS[1]
    return isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name in ANCHOR_CURVES


@contextmanager
def _refusing(what: str) -> Iterator[None]:
    """A certificate is parsed piece by piece, when each is looked at: what is broken in it raises anywhere."""
    try:
        yield
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise IssuerRefused(f"{what} is broken: {error}") from error


def issue(issuer: Issuer, csr: CheckedCsr, lives: Lives, now: datetime) -> Leaf:
    """Sign a leaf. Raises IssuerNotValidNow."""
    if now >= issuer.not_after:
        raise IssuerNotValidNow(f"the issuer ended at {issuer.not_after:%Y-%m-%dT%H:%M:%SZ}")
    if now + lives.skew < issuer.not_before:
        raise IssuerNotValidNow(f"the issuer is valid from {issuer.not_before:%Y-%m-%dT%H:%M:%SZ}")
    not_after = min(now + lives.leaf + lives.skew, issuer.not_after).replace(microsecond=0)
    validity = pki.Validity((now - lives.skew).replace(microsecond=0), not_after)
    certificate = pki.make_leaf(issuer.pair, csr.public_key, csr.identity, [csr.identity], validity)
    return Leaf(pki.pem(certificate) + issuer.chain, not_after, issuer.bundle)


def _check_authority(certificate: x509.Certificate) -> None:
    if not _is_authority(certificate):
        raise IssuerRefused("the issuer's certificate is not that of a CA")
    if not _may_sign(certificate):
        raise IssuerRefused("the issuer's certificate may not sign certificates")


def _may_sign(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.KeyUsage).value.key_cert_sign
    except x509.ExtensionNotFound:
        return True


def _is_authority(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except (x509.ExtensionNotFound, ValueError):
        return False


def _path(certificates: list[x509.Certificate], anchors: list[x509.Certificate]) -> list[x509.Certificate]:
    """From the issuer to its anchor, through the intermediates that came with it. Raises IssuerRefused."""
    path = [certificates[0]]
    intermediates = certificates[1:]
    while path[-1] not in anchors:
        last = path[-1]
        parent = next((c for c in anchors if _signed(last, c)), None)
        if parent is None:
            parent = next((c for c in intermediates if c not in path and _signed(last, c)), None)
        if parent is None:
            raise IssuerRefused("the issuer does not chain to the trust bundle")
        path.append(parent)
    for below, certificate in enumerate(path):
        # RFC 5280 4.2.1.9: how many CAs may stand between this one and the leaf. Peers check it, so that we must.
        most = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.path_length
        if most is not None and below > most:
            raise IssuerRefused("a CA above the issuer allows fewer CAs below itself than there are")
        if not _may_sign(certificate):
            raise IssuerRefused("a CA above the issuer may not sign certificates")
    return path


def _signed(certificate: x509.Certificate, by: x509.Certificate) -> bool:
    if not _is_authority(by):
        return False
    try:
        certificate.verify_directly_issued_by(by)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True
