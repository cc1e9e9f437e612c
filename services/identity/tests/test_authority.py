"""The issuer's checks, and the leaves: validity on every side of the clock."""

import base64
import contextlib
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from cryptography.x509.verification import PolicyBuilder, Store
from hypothesis import example, given
from hypothesis import strategies as st

from linkerd_identity.authority import (
    Issuer,
    IssuerNotValidNow,
    IssuerRefused,
    NotYetValid,
    check_issuer,
    issue,
    read_bundle,
)
from linkerd_identity.csr import CheckedCsr
from linkerd_identity.settings import Lives
from linkerd_runtime import pki

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
NAME = "web.emojivoto.serviceaccount.identity.linkerd.cluster.local"
KEY = pki.new_key()
CSR = CheckedCsr(NAME, KEY.public_key())
LIVES = Lives()


def years(number: float, start: datetime = NOW) -> pki.Validity:
    return pki.Validity(start, start + timedelta(days=365 * number))


ANCHOR = pki.make_ca("root.linkerd.cluster.local", years(10))
INTERMEDIATE = pki.make_ca("between", years(5), parent=ANCHOR)
ISSUER = pki.make_ca("identity.linkerd.cluster.local", years(1), parent=ANCHOR, path_length=0)
DEEP = pki.make_ca("identity.linkerd.cluster.local", years(1), parent=INTERMEDIATE, path_length=0)


def issuer(now: datetime = NOW, pair: pki.KeyPair = ISSUER) -> Issuer:
    return check_issuer(pair.certificate_pem, pair.key_pem, ANCHOR.certificate_pem, now)


def test_a_leaf_verifies_and_is_what_linkerd_makes() -> None:
    leaf = issue(issuer(), CSR, LIVES, NOW)
    certificates = pki.read_certificates(leaf.chain)
    assert certificates[1:] == [ISSUER.certificate]
    first = certificates[0]
    verifier = PolicyBuilder().store(Store([ANCHOR.certificate])).time(NOW).build_server_verifier(x509.DNSName(NAME))
    assert verifier.verify(first, certificates[1:])
    usage = first.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert set(usage) == {ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH}
    assert first.not_valid_before_utc == NOW - timedelta(seconds=20)
    assert first.not_valid_after_utc == leaf.not_after == NOW + timedelta(hours=24, seconds=20)
    assert isinstance(first.signature_hash_algorithm, hashes.SHA256)


@given(st.timedeltas(min_value=timedelta(seconds=-20), max_value=timedelta(days=365, seconds=-1)))
def test_no_leaf_outlives_its_issuer(passed: timedelta) -> None:
    now = NOW + passed
    leaf = issue(issuer(NOW), CSR, LIVES, now)
    assert leaf.not_after <= ISSUER.certificate.not_valid_after_utc
    assert leaf.not_after <= now + LIVES.leaf + LIVES.skew


def test_the_anchors_end_counts_too() -> None:
    short = pki.make_ca("root", years(0.001))
    pair = pki.make_ca("identity", years(1), parent=short)
    checked = check_issuer(pair.certificate_pem, pair.key_pem, short.certificate_pem, NOW)
    assert checked.not_after == short.certificate.not_valid_after_utc


def test_clock_before_and_after() -> None:
    with pytest.raises(NotYetValid, match="valid from"):
        issuer(NOW - timedelta(days=1))
    early = issuer(NOW)
    with pytest.raises(IssuerNotValidNow, match="valid from"):
        issue(early, CSR, LIVES, NOW - timedelta(days=1))
    issue(early, CSR, LIVES, NOW - timedelta(seconds=19))
    with pytest.raises(IssuerNotValidNow, match="ended"):
        issue(early, CSR, LIVES, NOW + timedelta(days=365))


def test_chains() -> None:
    assert issuer().chain == ISSUER.certificate_pem
    deep = check_issuer(DEEP.certificate_pem + INTERMEDIATE.certificate_pem, DEEP.key_pem, ANCHOR.certificate_pem, NOW)
    assert deep.chain == DEEP.certificate_pem + INTERMEDIATE.certificate_pem
    # The issuer is an anchor itself, as Linkerd's generated one was: leaves come alone.
    root = check_issuer(ANCHOR.certificate_pem, ANCHOR.key_pem, ANCHOR.certificate_pem, NOW)
    assert root.chain == ""
    # Anchors of an overlap: any of them will do.
    other = pki.make_ca("other root", years(1))
    both = other.certificate_pem + ANCHOR.certificate_pem
    assert check_issuer(ISSUER.certificate_pem, ISSUER.key_pem, both, NOW).bundle == both


Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey


def ca(key: Key, public: Key | None = None, by: x509.Certificate | None = None) -> x509.Certificate:
    """A CA of any kind of key: self-signed, or `public` signed by `by` with `key`."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a root of the user's")])
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(by.subject if by is not None else name)
        .public_key((public or key).public_key())
        .serial_number(1)
        .not_valid_before(NOW)
        .not_valid_after(NOW + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256())
    )


def test_an_issuer_under_an_rsa_anchor() -> None:
    root_key, key = rsa.generate_private_key(65537, 2048), pki.new_key()
    root = ca(root_key)
    pair = pki.KeyPair(ca(root_key, key, root), key)
    checked = check_issuer(pair.certificate_pem, pair.key_pem, pki.pem(root), NOW)
    leaf = issue(checked, CSR, LIVES, NOW)
    first, *between = pki.read_certificates(leaf.chain)
    assert between == [pair.certificate]
    first.verify_directly_issued_by(pair.certificate)
    assert leaf.bundle == pki.pem(root)


@pytest.mark.parametrize("size", [2048, 3072, 4096])
def test_rsa_anchors_are_allowed(size: int) -> None:
    root = ca(rsa.generate_private_key(65537, size))
    assert read_bundle(pki.pem(root)) == [root]


@pytest.mark.parametrize(
    "key",
    [
        rsa.generate_private_key(65537, 1024),
        ec.generate_private_key(ec.SECP256K1()),
        ec.generate_private_key(ec.SECP521R1()),
        ed25519.Ed25519PrivateKey.generate(),
    ],
)
def test_other_anchors_are_not(key: Key) -> None:
    with pytest.raises(IssuerRefused, match="trust anchor's key"):
        read_bundle(pki.pem(ca(key)))


@pytest.mark.parametrize(
    "key",
    [
        rsa.generate_private_key(65537, 2048),
        ec.generate_private_key(ec.SECP384R1()),
        ed25519.Ed25519PrivateKey.generate(),
    ],
)
def test_an_issuer_of_another_kind_of_key(key: Key) -> None:
    text = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    with pytest.raises(IssuerRefused, match="not a readable ECDSA P-256 key"):
        check_issuer(pki.pem(ca(key)), text, ANCHOR.certificate_pem, NOW)


@pytest.mark.filterwarnings("ignore:Parsed a serial number")  # it is a warning of cryptography's, and no refusal yet
@given(st.sampled_from(["certificate", "key", "bundle"]), st.integers(0, 800), st.integers(0, 255))
@example("certificate", 12, 1)  # a version of X.509 that is none
@example("bundle", 12, 1)
@example("certificate", 15, 128)  # a negative serial number
def test_damaged_issuers_are_refused_and_never_crash(which: str, position: int, value: int) -> None:
    texts = {"certificate": ISSUER.certificate_pem, "key": ISSUER.key_pem, "bundle": ANCHOR.certificate_pem}
    head, *lines, tail = texts[which].strip().splitlines()
    der = bytearray(base64.b64decode("".join(lines)))
    der[position % len(der)] = value
    texts[which] = f"{head}\n{base64.encodebytes(bytes(der)).decode()}{tail}\n"
    with contextlib.suppress(IssuerRefused):
        check_issuer(texts["certificate"], texts["key"], texts["bundle"], NOW)


LEAF = pki.make_leaf(ANCHOR, KEY.public_key(), NAME, [NAME], years(1))
FOREIGN = pki.make_ca("identity.linkerd.cluster.local", years(1), parent=pki.make_ca("root", years(1)))
EXPIRED = pki.make_ca("identity", years(0.1, NOW - timedelta(days=365)), parent=ANCHOR)

REFUSED = {
    "no certificate": ("", ISSUER.key_pem, ANCHOR.certificate_pem, "not readable PEM"),
    "no key": (ISSUER.certificate_pem, "", ANCHOR.certificate_pem, "not a readable ECDSA"),
    "another key": (ISSUER.certificate_pem, ANCHOR.key_pem, ANCHOR.certificate_pem, "does not belong"),
    "not a CA": (pki.pem(LEAF), pki.private_pem(KEY), ANCHOR.certificate_pem, "not that of a CA"),
    "another anchor": (FOREIGN.certificate_pem, FOREIGN.key_pem, ANCHOR.certificate_pem, "does not chain"),
    "a link is missing": (DEEP.certificate_pem, DEEP.key_pem, ANCHOR.certificate_pem, "does not chain"),
    "expired": (EXPIRED.certificate_pem, EXPIRED.key_pem, ANCHOR.certificate_pem, "ended at"),
    "no bundle": (ISSUER.certificate_pem, ISSUER.key_pem, "nonsense", "trust bundle"),
    "a leaf in the bundle": (
        ISSUER.certificate_pem,
        ISSUER.key_pem,
        ANCHOR.certificate_pem + pki.pem(LEAF),
        "not a CA",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(case: str) -> None:
    certificate, key, bundle, words = REFUSED[case]
    with pytest.raises(IssuerRefused, match=words):
        check_issuer(certificate, key, bundle, NOW)


def test_same() -> None:
    assert issuer().same(issuer())
    assert not issuer().same(issuer(pair=pki.make_ca("identity", years(1), parent=ANCHOR)))
