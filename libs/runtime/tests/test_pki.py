"""Certificates: what OpenSSL and the cryptography package's own verifier accept."""

import base64
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

from linkerd_runtime import pki

NOW = datetime(2026, 1, 1, tzinfo=UTC)
YEAR = pki.Validity(NOW, NOW + timedelta(days=365))


def test_a_chain_verifies() -> None:
    anchor = pki.make_ca("root.linkerd.cluster.local", YEAR)
    issuer = pki.make_ca("identity.linkerd.cluster.local", YEAR, parent=anchor, path_length=0)
    leaf = pki.make_leaf(issuer, pki.new_key().public_key(), "web.ns", ["web.ns.example"], YEAR)
    verifier = (
        PolicyBuilder()
        .store(Store([anchor.certificate]))
        .time(NOW)
        .build_server_verifier(x509.DNSName("web.ns.example"))
    )
    assert len(verifier.verify(leaf, [issuer.certificate])) == 3
    other = (
        PolicyBuilder()
        .store(Store([issuer.certificate]))
        .time(NOW)
        .build_server_verifier(x509.DNSName("other.example"))
    )
    with pytest.raises(VerificationError):
        other.verify(leaf, [issuer.certificate])


def test_long_names_stand_in_the_san_only() -> None:
    authority = pki.make_ca("ca", YEAR)
    name = ".".join(["a" * 60, "b" * 60, "example"])
    leaf = pki.make_leaf(authority, pki.new_key().public_key(), name, [name], YEAR)
    assert not list(leaf.subject)
    san = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    assert san.critical
    assert san.value.get_values_for_type(x509.DNSName) == [name]


def test_texts_are_read_back() -> None:
    pair = pki.make_ca("ca", YEAR)
    assert pki.read_certificates(pair.certificate_pem) == [pair.certificate]
    assert pki.read_key(pair.key_pem).private_numbers() == pair.key.private_numbers()


@pytest.mark.parametrize("text", ["", "nonsense", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
def test_what_is_no_certificate(text: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        pki.read_certificates(text)


def test_keys_of_other_kinds_are_refused() -> None:
    other = rsa.generate_private_key(65537, 2048)
    text = other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    with pytest.raises(ValueError, match="P-256"):
        pki.read_key(text)
    secret = pki.new_key().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"x")).decode()
    with pytest.raises(ValueError, match=r"[Pp]assword"):
        pki.read_key(secret)


def test_a_version_of_x509_that_is_none_is_refused_as_what_is_broken() -> None:
    der = bytearray(pki.make_ca("ca", YEAR).certificate.public_bytes(Encoding.DER))
    der[12] = 1
    broken = base64.encodebytes(bytes(der)).decode()
    with pytest.raises(ValueError, match="version"):
        pki.read_certificates(f"-----BEGIN CERTIFICATE-----\n{broken}-----END CERTIFICATE-----\n")
