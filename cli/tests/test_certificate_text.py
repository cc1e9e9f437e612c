"""Certificates as text: against openssl's own where it is there, and piece by piece."""

import shutil
import subprocess
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from linkerd_cli.certificate_text import certificate_text

NOW = datetime(2026, 3, 5, 7, 8, 9, tzinfo=UTC)
NAME = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "identity.linkerd.cluster.local")])
IDENTITY = "web.emojivoto.serviceaccount.identity.linkerd.cluster.local"
KEY = ec.generate_private_key(ec.SECP256R1())


def certificate(
    key: ec.EllipticCurvePublicKey | rsa.RSAPublicKey | ed25519.Ed25519PublicKey, *extensions: x509.ExtensionType
) -> x509.Certificate:
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([]))
        .issuer_name(NAME)
        .public_key(key)
        .serial_number(0x1A2B)
        .not_valid_before(NOW)
        .not_valid_after(NOW + timedelta(days=1))
    )
    for extension in extensions:
        builder = builder.add_extension(extension, critical=isinstance(extension, x509.BasicConstraints))
    return builder.sign(KEY, hashes.SHA256())


LEAF = certificate(
    KEY.public_key(),
    x509.BasicConstraints(ca=False, path_length=None),
    x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]),
    x509.SubjectAlternativeName([x509.DNSName(IDENTITY), x509.UniformResourceIdentifier("spiffe://a/b")]),
    x509.SubjectKeyIdentifier(b"\x01\xab"),
)


def test_the_leaf() -> None:
    lines = certificate_text(LEAF).splitlines()
    for line in (
        "        Version: 3 (0x2)",
        "        Serial Number: 6699 (0x1a2b)",
        "    Signature Algorithm: ECDSA-SHA256",
        "        Issuer: CN=identity.linkerd.cluster.local",
        "            Not Before: Mar 5 07:08:09 2026 UTC",
        "            Not After : Mar 6 07:08:09 2026 UTC",
        "        Subject:",
        "            Public Key Algorithm: ECDSA",
        "                Public-Key: (256 bit)",
        "                Curve: P-256",
        "            X509v3 Basic Constraints: critical",
        "                CA:FALSE",
        f"                DNS:{IDENTITY}, URI:spiffe://a/b",
        "            X509v3 Subject Key Identifier:",
        "                01:AB",
    ):
        assert line in lines
    x = lines.index("                X:")
    number = "".join(line.strip().replace(":", "") for line in lines[x + 1 : lines.index("                Y:")])
    assert int(number, 16) == KEY.public_key().public_numbers().x


def test_the_signature_is_whole() -> None:
    text = certificate_text(LEAF)
    tail = text.rpartition("Signature Algorithm: ECDSA-SHA256\n")[2]
    assert bytes.fromhex("".join(tail.split()).replace(":", "")) == LEAF.signature


@pytest.mark.parametrize(
    ("key", "words"),
    [
        (rsa.generate_private_key(65537, 2048).public_key(), ("RSA", "Public-Key: (2048 bit)", "Exponent: 65537")),
        (ec.generate_private_key(ec.SECP384R1()).public_key(), ("ECDSA", "Curve: P-384")),
        (ed25519.Ed25519PrivateKey.generate().public_key(), ("Ed25519",)),
    ],
)
def test_other_keys(
    key: ec.EllipticCurvePublicKey | rsa.RSAPublicKey | ed25519.Ed25519PublicKey, words: tuple[str, ...]
) -> None:
    text = certificate_text(certificate(key))
    assert all(word in text for word in words)


def test_an_authority_and_what_nobody_knows() -> None:
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
    own = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00")
    authority = x509.AuthorityKeyIdentifier(b"\x0a\x0b", None, None)
    text = certificate_text(
        certificate(KEY.public_key(), x509.BasicConstraints(ca=True, path_length=0), usage, authority, own)
    )
    for words in ("CA:TRUE, pathlen:0", "Certificate Sign, CRL Sign", "keyid:0A:0B", "1.2.3.4:\n", "05:00"):
        assert words in text


def test_the_lines_that_openssl_prints_alike() -> None:
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("no openssl command on this machine")
    done = subprocess.run(
        [openssl, "x509", "-noout", "-text"], input=LEAF.public_bytes(Encoding.PEM), capture_output=True, check=True
    )
    theirs = {" ".join(line.split()) for line in done.stdout.decode().splitlines()}
    mine = {" ".join(line.split()) for line in certificate_text(LEAF).splitlines()}
    for line in (
        "Version: 3 (0x2)",
        "Serial Number: 6699 (0x1a2b)",
        "X509v3 Basic Constraints: critical",
        "CA:FALSE",
        "X509v3 Extended Key Usage:",
        "TLS Web Server Authentication, TLS Web Client Authentication",
        "X509v3 Subject Key Identifier:",
    ):
        assert line in theirs & mine, line
