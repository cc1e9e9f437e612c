"""Requests: the one that is granted, and every one that is not."""

import contextlib
from collections.abc import Sequence
from ipaddress import ip_address

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from linkerd_identity.csr import CsrRefused, check_csr

NAME = "web.emojivoto.serviceaccount.identity.linkerd.cluster.local"
EC_KEY = ec.generate_private_key(ec.SECP256R1())
RSA_KEY = rsa.generate_private_key(65537, 2048)
SMALL_KEY = rsa.generate_private_key(65537, 1024)
DNS = x509.DNSName(NAME)
Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey


def request(
    names: Sequence[x509.GeneralName] | None = (DNS,),
    common_name: str | None = NAME,
    key: Key = EC_KEY,
    others: Sequence[x509.NameAttribute[str]] = (),
) -> str:
    subject = list(others)
    if common_name is not None:
        subject.append(x509.NameAttribute(NameOID.COMMON_NAME, common_name))
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name(subject))
    if names is not None:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    algorithm = None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    return builder.sign(key, algorithm).public_bytes(Encoding.PEM).decode()


@pytest.mark.parametrize("text", [request(), request(common_name=None), request(key=RSA_KEY)])
def test_granted(text: str) -> None:
    assert check_csr(text, NAME).identity == NAME


def forged() -> str:
    """A request whose signature is another's: one bit of the end is turned."""
    csr = x509.load_pem_x509_csr(request().encode())
    der = bytearray(csr.public_bytes(Encoding.DER))
    der[-1] ^= 1
    import base64

    body = base64.encodebytes(bytes(der)).decode()
    return f"-----BEGIN CERTIFICATE REQUEST-----\n{body}-----END CERTIFICATE REQUEST-----\n"


REFUSED = {
    "not PEM": ("nonsense", "readable"),
    "empty": ("", "readable"),
    "no SAN": (request(names=None), "no DNS name"),
    "two names": (request(names=[DNS, x509.DNSName("other.example")]), "exactly one"),
    "the same name twice": (request(names=[DNS, DNS]), "exactly one"),
    "another name": (request(names=[x509.DNSName("other.example")], common_name=None), "not the identity"),
    "a wildcard": (request(names=[x509.DNSName("*.emojivoto.example")], common_name=None), "not the identity"),
    "an address": (request(names=[x509.IPAddress(ip_address("10.0.0.1"))]), "exactly one"),
    "an address besides": (request(names=[DNS, x509.IPAddress(ip_address("10.0.0.1"))]), "exactly one"),
    "a URI": (request(names=[x509.UniformResourceIdentifier("spiffe://a/b")]), "exactly one"),
    "a mail address": (request(names=[DNS, x509.RFC822Name("a@example.org")]), "exactly one"),
    "another common name": (request(common_name="other.example"), "common name"),
    "an organization": (
        request(others=[x509.NameAttribute(NameOID.ORGANIZATION_NAME, "system:masters")]),
        "common name only",
    ),
    "P-384": (request(key=ec.generate_private_key(ec.SECP384R1())), "P-256"),
    "a small RSA key": (request(key=SMALL_KEY), "2048"),
    "Ed25519": (request(key=ed25519.Ed25519PrivateKey.generate()), "ECDSA P-256 or RSA"),
    "a forged signature": (forged(), "signature"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(case: str) -> None:
    text, words = REFUSED[case]
    with pytest.raises(CsrRefused, match=words):
        check_csr(text, NAME)


@given(st.binary(max_size=300) | st.text(max_size=300).map(str.encode))
def test_hostile_bytes_are_refused(data: bytes) -> None:
    import base64

    body = base64.encodebytes(data).decode()
    for text in (
        data.decode(errors="replace"),
        f"-----BEGIN CERTIFICATE REQUEST-----\n{body}-----END CERTIFICATE REQUEST-----\n",
    ):
        with pytest.raises(CsrRefused):
            check_csr(text, NAME)


@given(st.integers(0, 400), st.integers(0, 255))
def test_damaged_requests_never_crash(position: int, value: int) -> None:
    import base64

    der = bytearray(x509.load_pem_x509_csr(request().encode()).public_bytes(Encoding.DER))
    der[position % len(der)] = value
    body = base64.encodebytes(bytes(der)).decode()
    text = f"-----BEGIN CERTIFICATE REQUEST-----\n{body}-----END CERTIFICATE REQUEST-----\n"
    with contextlib.suppress(CsrRefused):
        assert check_csr(text, NAME).identity == NAME
