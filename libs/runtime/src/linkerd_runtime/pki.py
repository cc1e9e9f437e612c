"""Certificates and keys: made, read and written. ECDSA P-256 with SHA-256, as Linkerd's.

No clock: times are arguments, aware datetimes. Serial numbers and keys come from the cryptography package.
"""

from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

MAX_COMMON_NAME = 64
"""X.520 ub-common-name: longer names stand in the SAN only."""

EKU = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH])


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A certificate and its private key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def certificate_pem(self) -> str:
        """The certificate, PEM."""
        return pem(self.certificate)

    @property
    def key_pem(self) -> str:
        """The private key, PKCS#8 PEM."""
        return private_pem(self.key)


@dataclass(frozen=True, slots=True)
class Validity:
    """From when to when, both included."""

    not_before: datetime
    not_after: datetime


def new_key() -> ec.EllipticCurvePrivateKey:
    """A new ECDSA P-256 key."""
    return ec.generate_private_key(ec.SECP256R1())


def make_ca(
    common_name: str, validity: Validity, *, parent: KeyPair | None = None, path_length: int | None = None
) -> KeyPair:
    """A CA with a new key; self-signed without `parent`."""
    key = new_key()
    subject = _name(common_name)
    issuer = parent.certificate.subject if parent else subject
    signer = parent.key if parent else key
    issuer_key = parent.certificate.public_key() if parent else key.public_key()
    usage = _usage(digital_signature=False, authority=True)
    certificate = (
        _builder(subject, issuer, key.public_key(), validity)
        .add_extension(x509.BasicConstraints(ca=True, path_length=path_length), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(authority_key_identifier(parent.certificate if parent else None, issuer_key), critical=False)
        .sign(signer, hashes.SHA256())
    )
    return KeyPair(certificate, key)


def make_leaf(
    parent: KeyPair, public_key: CertificatePublicKeyTypes, common_name: str, dns_names: list[str], validity: Validity
) -> x509.Certificate:
    """An end-entity certificate for servers and clients."""
    subject = _name(common_name)
    alternatives = x509.SubjectAlternativeName([x509.DNSName(name) for name in dns_names])
    return (
        _leaf_builder(parent.certificate)
        .subject_name(subject)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(validity.not_before)
        .not_valid_after(validity.not_after)
        # RFC 5280 4.2.1.6: critical where the subject is empty.
        .add_extension(alternatives, critical=not subject.rdns)
        .sign(parent.key, hashes.SHA256())
    )


def authority_key_identifier(
    parent: x509.Certificate | None, public_key: CertificatePublicKeyTypes
) -> x509.AuthorityKeyIdentifier:
    """The parent's own identifier where it has one, for it need not be the hash of its key."""
    if parent is not None:
        try:
            own = parent.extensions.get_extension_for_class(x509.SubjectKeyIdentifier)
            return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(own.value)
        except x509.ExtensionNotFound:
            pass
    return x509.AuthorityKeyIdentifier(x509.SubjectKeyIdentifier.from_public_key(public_key).digest, None, None)


@lru_cache(maxsize=8)
def _leaf_builder(parent: x509.Certificate) -> x509.CertificateBuilder:
    """What all leaves of an issuer share: it signs thousands. Builders are never changed, only copied."""
    return (
        x509.CertificateBuilder()
        .issuer_name(parent.subject)
        .add_extension(_NO_CA, critical=True)
        .add_extension(_LEAF_USAGE, critical=True)
        .add_extension(EKU, critical=False)
        .add_extension(authority_key_identifier(parent, parent.public_key()), critical=False)
    )


def pem(*certificates: x509.Certificate) -> str:
    """Certificates one after the other, PEM."""
    return "".join(certificate.public_bytes(Encoding.PEM).decode() for certificate in certificates)


def private_pem(key: ec.EllipticCurvePrivateKey) -> str:
    """A private key, PKCS#8 PEM."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def read_certificates(text: str) -> list[x509.Certificate]:
    """The certificates of a PEM text, in order. Raises ValueError where there is none or one is broken."""
    try:
        return x509.load_pem_x509_certificates(text.encode())
    except x509.InvalidVersion as error:  # it is no ValueError
        raise ValueError(str(error)) from error


def read_key(text: str) -> ec.EllipticCurvePrivateKey:
    """An ECDSA P-256 private key, PEM, not encrypted. Raises ValueError."""
    try:
        key = load_pem_private_key(text.encode(), password=None)
    except (TypeError, UnsupportedAlgorithm) as error:  # encrypted; a curve that OpenSSL does not know
        raise ValueError(str(error)) from error
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise ValueError("the private key is not ECDSA P-256")
    return key


def _name(common_name: str) -> x509.Name:
    if not common_name or len(common_name) > MAX_COMMON_NAME:
        return x509.Name([])
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _builder(
    subject: x509.Name, issuer: x509.Name, public_key: CertificatePublicKeyTypes, validity: Validity
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(validity.not_before)
        .not_valid_after(validity.not_after)
    )


def _usage(*, digital_signature: bool, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=digital_signature,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=authority,
        crl_sign=authority,
        encipher_only=False,
        decipher_only=False,
    )


# TLS 1.3 signs with whatever key there is: digitalSignature is all that RSA needs, too.
_NO_CA = x509.BasicConstraints(ca=False, path_length=None)
_LEAF_USAGE = _usage(digital_signature=True, authority=False)
