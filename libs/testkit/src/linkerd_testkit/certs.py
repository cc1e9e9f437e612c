"""Certificates for tests: an anchor, an issuer below it, and leaves with Linkerd identities (ECDSA P-256)."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from linkerd_contract.names import identity_name, issuer_name

_SKEW = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Leaf:
    """A certificate chain (leaf first, without the anchor) and its key, in PEM."""

    identity: str
    chain: str
    key: str
    not_after: datetime

    def write(self, directory: Path) -> tuple[Path, Path]:
        """Write chain.pem and key.p8; their paths."""
        chain, key = directory / "chain.pem", directory / "key.p8"
        directory.mkdir(parents=True, exist_ok=True)
        chain.write_text(self.chain)
        key.write_text(self.key)
        key.chmod(0o600)
        return chain, key


class Authority:
    """A trust anchor and an issuer. `anchors` is the PEM bundle that clients trust."""

    def __init__(self, *, life: timedelta = timedelta(days=1)) -> None:
        self._anchor_key = ec.generate_private_key(ec.SECP256R1())
        self._issuer_key = ec.generate_private_key(ec.SECP256R1())
        root = _name("root.linkerd.cluster.local")
        self._issuer_name = _name(issuer_name())
        self._anchor = _ca(root, root, self._anchor_key, self._anchor_key, life)
        self._issuer = _ca(self._issuer_name, root, self._issuer_key, self._anchor_key, life)
        self.anchors = _pem(self._anchor)

    def leaf(self, identity: str, *, life: timedelta = timedelta(hours=1)) -> Leaf:
        """A certificate for one DNS name with a new key; a negative life makes one that has ended."""
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = self._issue(identity, key.public_key(), life)
        return Leaf(identity, certificate + _pem(self._issuer), key_pem(key), _end(life))

    def workload(self, service_account: str, namespace: str, *, life: timedelta = timedelta(hours=1)) -> Leaf:
        """A leaf with the identity of a ServiceAccount."""
        return self.leaf(identity_name(service_account, namespace), life=life)

    def sign(self, csr: str, *, life: timedelta = timedelta(hours=1)) -> tuple[str, datetime]:
        """Chain and end for a PEM CSR with one DNS name. Raises ValueError for any other."""
        request = x509.load_pem_x509_csr(csr.encode())
        names = request.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        dns = names.get_values_for_type(x509.DNSName)
        key = request.public_key()
        if len(dns) != 1 or not request.is_signature_valid or not isinstance(key, ec.EllipticCurvePublicKey):
            raise ValueError("a CSR must have one DNS name, a P-256 key and a valid signature")
        return self._issue(dns[0], key, life) + _pem(self._issuer), _end(life)

    def _issue(self, identity: str, key: ec.EllipticCurvePublicKey, life: timedelta) -> str:
        end = _end(life)
        builder = (
            x509.CertificateBuilder()
            .subject_name(_name(identity))
            .issuer_name(self._issuer_name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(min(datetime.now(UTC), end) - _SKEW)
            .not_valid_after(end)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(identity)]), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(
                x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]),
                critical=False,
            )
        )
        return _pem(builder.sign(self._issuer_key, hashes.SHA256()))


def certificate_request(identity: str) -> tuple[str, str]:
    """A new key and a CSR for one DNS name, both PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    csr = (
        x509.CertificateSigningRequestBuilder()
        .subject_name(_name(identity))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(identity)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    return key_pem(key), csr.public_bytes(serialization.Encoding.PEM).decode()


def key_pem(key: ec.EllipticCurvePrivateKey) -> str:
    """PKCS8 PEM."""
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


def _end(life: timedelta) -> datetime:
    return (datetime.now(UTC) + life).replace(microsecond=0)


def _name(common_name: str) -> x509.Name:
    # RFC 5280: a common name has at most 64 characters; identities may have more, and count by their SAN alone.
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name[:64])])


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def _ca(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    signer: ec.EllipticCurvePrivateKey,
    life: timedelta,
) -> x509.Certificate:
    usage = x509.KeyUsage(
        digital_signature=False,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=True,
        encipher_only=False,
        decipher_only=False,
    )
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime.now(UTC) - _SKEW)
        .not_valid_after(_end(life))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(signer, hashes.SHA256())
    )
