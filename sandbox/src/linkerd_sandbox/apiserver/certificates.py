"""The cluster's CA and the API server's certificate, made anew at each start."""

import datetime
import ipaddress
import ssl
from collections.abc import Iterable
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_LIFE = datetime.timedelta(days=365)
_SERVE, _CALL = ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH
_SKEW = datetime.timedelta(minutes=5)


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _alternative(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _builder(subject: str, issuer: str, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(_name(subject))
        .issuer_name(_name(issuer))
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _SKEW)
        .not_valid_after(now + _LIFE)
    )


class Authority:
    """A CA whose key is never written."""

    def __init__(self, common_name: str) -> None:
        self._name = common_name
        self._key = ec.generate_private_key(ec.SECP256R1())
        public = self._key.public_key()
        usage = x509.KeyUsage(True, False, False, False, False, True, True, False, False)
        self._identifier = x509.SubjectKeyIdentifier.from_public_key(public)
        certificate = (
            _builder(common_name, common_name, public)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(usage, critical=True)
            .add_extension(self._identifier, critical=False)
            .sign(self._key, hashes.SHA256())
        )
        self.pem = certificate.public_bytes(serialization.Encoding.PEM).decode()

    def sign(self, request: bytes, seconds: int | None) -> str:
        """A client's certificate for a signing request (PEM), for as long as asked for and no longer than a year.

        Raises ValueError for a request that cannot be read, or whose key is not the asker's.
        """
        asked = x509.load_pem_x509_csr(request)
        if not asked.is_signature_valid:
            raise ValueError("the request is not signed with its key")
        now = datetime.datetime.now(datetime.UTC)
        life = min(_LIFE, datetime.timedelta(seconds=seconds)) if seconds else _LIFE
        usage = x509.KeyUsage(True, False, True, False, False, False, False, False, False)
        public = asked.public_key()
        builder = (
            x509.CertificateBuilder()
            .subject_name(asked.subject)
            .issuer_name(_name(self._name))
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - _SKEW)
            .not_valid_after(now + life)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(usage, critical=True)
            .add_extension(x509.ExtendedKeyUsage([_CALL]), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(self._identifier), critical=False
            )
        )
        return builder.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()

    def issue(self, common_name: str, hosts: Iterable[str], certificate: Path, key: Path) -> None:
        """Write a certificate and its key (0600), both PEM: to serve `hosts`, or for a client where there are none."""
        names = [_alternative(host) for host in hosts]
        private = ec.generate_private_key(ec.SECP256R1())
        public = private.public_key()
        usage = x509.KeyUsage(True, False, False, False, False, False, False, False, False)
        builder = (
            _builder(common_name, self._name, public)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(usage, critical=True)
            .add_extension(x509.ExtendedKeyUsage([_SERVE if names else _CALL]), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(self._identifier), critical=False
            )
        )
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        issued = builder.sign(self._key, hashes.SHA256())
        certificate.write_bytes(issued.public_bytes(serialization.Encoding.PEM))
        key.touch(mode=0o600)
        key.write_bytes(
            private.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )


def server_context(certificate: Path, key: Path, clients_ca: str = "") -> ssl.SSLContext:
    """A context that serves with the certificate; HTTP/1.1 only. Clients may show one of `clients_ca` (PEM)."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    if clients_ca:
        context.verify_mode = ssl.CERT_OPTIONAL
        context.load_verify_locations(cadata=clients_ca)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(certificate, key)
    context.set_alpn_protocols(["http/1.1"])
    return context
