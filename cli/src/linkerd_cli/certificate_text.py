"""PURE: a certificate as text for people, in the form of `openssl x509 -text` and of `linkerd identity`."""

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.x509 import KeyUsage

_BYTES_A_LINE = 15
_SIGNATURE_BYTES_A_LINE = 18
_USAGES = (
    ("digital_signature", "Digital Signature"),
    ("content_commitment", "Content Commitment"),
    ("key_encipherment", "Key Encipherment"),
    ("data_encipherment", "Data Encipherment"),
    ("key_agreement", "Key Agreement"),
    ("key_cert_sign", "Certificate Sign"),
    ("crl_sign", "CRL Sign"),
)
_EXTENDED = {
    "1.3.6.1.5.5.7.3.1": "TLS Web Server Authentication",
    "1.3.6.1.5.5.7.3.2": "TLS Web Client Authentication",
}


def certificate_text(certificate: "x509.Certificate") -> str:
    """The whole certificate, a line of text each ending in a newline. Raises ValueError where it is broken."""
    from cryptography.exceptions import UnsupportedAlgorithm

    try:
        return "".join(f"{line}\n" for line in _lines(certificate))
    except UnsupportedAlgorithm as error:
        raise ValueError(str(error)) from error


def _lines(certificate: "x509.Certificate") -> Iterator[str]:
    serial, algorithm = certificate.serial_number, _signature_algorithm(certificate)
    yield "Certificate:"
    yield "    Data:"
    yield f"        Version: {certificate.version.value + 1} (0x{certificate.version.value:x})"
    yield f"        Serial Number: {serial} (0x{serial:x})"
    yield f"    Signature Algorithm: {algorithm}"
    yield f"        Issuer: {certificate.issuer.rfc4514_string()}"
    yield "        Validity"
    yield f"            Not Before: {_time(certificate.not_valid_before_utc)}"
    yield f"            Not After : {_time(certificate.not_valid_after_utc)}"
    yield f"        Subject: {certificate.subject.rfc4514_string()}".rstrip()
    yield "        Subject Public Key Info:"
    yield from (f"            {line}" for line in _key(certificate.public_key()))
    yield "        X509v3 extensions:"
    for extension in certificate.extensions:
        title, value = _extension(extension)
        yield f"            {title}:{' critical' if extension.critical else ''}"
        yield f"                {value}"
    yield f"    Signature Algorithm: {algorithm}"
    yield from (f"         {line}" for line in _hex(certificate.signature, _SIGNATURE_BYTES_A_LINE))


def _signature_algorithm(certificate: "x509.Certificate") -> str:
    """ECDSA-SHA256, where the key's kind and the digest are known; else the object identifier."""
    from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
    from cryptography.hazmat.primitives.asymmetric.padding import PSS, PKCS1v15

    parameters, digest = certificate.signature_algorithm_parameters, certificate.signature_hash_algorithm
    kinds = ((ECDSA, "ECDSA"), (PKCS1v15, "RSA"), (PSS, "RSA-PSS"))
    kind = next((name for type_, name in kinds if isinstance(parameters, type_)), "")
    if not kind or digest is None:
        return certificate.signature_algorithm_oid.dotted_string
    return f"{kind}-{digest.name.upper()}"


def _key(key: object) -> Iterator[str]:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

    if isinstance(key, EllipticCurvePublicKey):
        numbers, size = key.public_numbers(), (key.curve.key_size + 7) // 8
        yield "Public Key Algorithm: ECDSA"
        yield f"    Public-Key: ({key.curve.key_size} bit)"
        for name, number in (("X", numbers.x), ("Y", numbers.y)):
            yield f"    {name}:"
            yield from (f"        {line}" for line in _hex(number.to_bytes(size)))
        yield f"    Curve: {key.curve.name.replace('secp', 'P-').removesuffix('r1')}"
    elif isinstance(key, RSAPublicKey):
        rsa = key.public_numbers()
        yield "Public Key Algorithm: RSA"
        yield f"    Public-Key: ({key.key_size} bit)"
        yield "    Modulus:"
        yield from (f"        {line}" for line in _hex(rsa.n.to_bytes((key.key_size + 7) // 8)))
        yield f"    Exponent: {rsa.e} (0x{rsa.e:x})"
    else:
        yield f"Public Key Algorithm: {type(key).__name__.removesuffix('PublicKey')}"


def _extension(extension: "x509.Extension[x509.ExtensionType]") -> tuple[str, str]:
    """Its title and its value."""
    from cryptography import x509

    value = extension.value
    if isinstance(value, x509.KeyUsage):
        return "X509v3 Key Usage", ", ".join(_usages(value))
    if isinstance(value, x509.ExtendedKeyUsage):
        uses = [_EXTENDED.get(use.dotted_string, use.dotted_string) for use in value]
        return "X509v3 Extended Key Usage", ", ".join(uses)
    if isinstance(value, x509.BasicConstraints):
        pathlen = "" if value.path_length is None else f", pathlen:{value.path_length}"
        return "X509v3 Basic Constraints", f"CA:{str(value.ca).upper()}{pathlen}"
    if isinstance(value, x509.SubjectKeyIdentifier):
        return "X509v3 Subject Key Identifier", value.digest.hex(":").upper()
    if isinstance(value, x509.AuthorityKeyIdentifier):
        return "X509v3 Authority Key Identifier", f"keyid:{(value.key_identifier or b'').hex(':').upper()}"
    if isinstance(value, x509.SubjectAlternativeName):
        return "X509v3 Subject Alternative Name", ", ".join(_general_name(name) for name in value)
    return extension.oid.dotted_string, value.public_bytes().hex(":")


def _usages(usage: "KeyUsage") -> Iterator[str]:
    return (title for name, title in _USAGES if getattr(usage, name))


def _general_name(name: "x509.GeneralName") -> str:
    from cryptography import x509

    kinds = ((x509.DNSName, "DNS"), (x509.UniformResourceIdentifier, "URI"), (x509.IPAddress, "IP Address"))
    kind = next((title for type_, title in kinds if isinstance(name, type_)), type(name).__name__)
    return f"{kind}:{name.value}"


def _hex(data: bytes, width: int = _BYTES_A_LINE) -> Iterator[str]:
    """Lines of colon-separated bytes; every line but the last ends in a colon."""
    for start in range(0, len(data), width):
        more = start + width < len(data)
        yield data[start : start + width].hex(":") + (":" if more else "")


def _time(time: datetime) -> str:
    return f"{time:%b} {time.day} {time:%H:%M:%S %Y} UTC"
