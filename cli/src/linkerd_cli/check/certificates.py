"""linkerd-identity and linkerd-webhooks-and-apisvc-tls: the certificates that everything stands on."""

import base64
import binascii
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from linkerd_cli.check.model import Category, Check, Failed, Skipped
from linkerd_cli.check.state import State
from linkerd_cli.tree import JsonObject, mapping, objects, text
from linkerd_contract import names

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

SOON = timedelta(days=60)
INJECTOR_SECRET = "linkerd-proxy-injector-k8s-tls"  # noqa: S105 - an object's name
INJECTOR_SERVICE = "linkerd-proxy-injector"


@dataclass(slots=True)
class _Chain:
    anchors: "list[Certificate]"
    issuer: "Certificate"


def _pem(what: str, pem: str) -> "list[Certificate]":
    from cryptography import x509

    try:
        found = x509.load_pem_x509_certificates(pem.encode())
    except ValueError as error:
        raise Failed(f"{what}: not certificates in PEM: {error}") from error
    if not found:
        raise Failed(f"{what}: no certificate")
    return found


def _secret_text(secret: JsonObject, what: str, *keys: str) -> str:
    data = mapping(secret, "data")
    for key in keys:
        if key in data:
            try:
                return base64.b64decode(text(data, key), validate=True).decode()
            except (binascii.Error, UnicodeDecodeError) as error:
                raise Failed(f"{what}: key {key} is not base64 text: {error}") from error
    raise Failed(f"{what}: key {' or '.join(keys)} must exist")


async def _chain(state: State) -> _Chain:
    """Read every time: what a check waits for changes."""
    from linkerd_kube.resources import CONFIG_MAPS, SECRETS

    roots = await state.client.get(CONFIG_MAPS.path(state.namespace, names.TRUST_ROOTS_CONFIG_MAP))
    secret = await state.client.get(SECRETS.path(state.namespace, names.ISSUER_SECRET))
    bundle = text(mapping(roots, "data"), names.TRUST_ROOTS_KEY)
    state.trust_anchors = bundle
    issuer = _secret_text(secret, names.ISSUER_SECRET, "crt.pem", "tls.crt")
    return _Chain(_pem(names.TRUST_ROOTS_CONFIG_MAP, bundle), _pem(names.ISSUER_SECRET, issuer)[0])


async def _config_valid(state: State) -> None:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

    from linkerd_kube.resources import SECRETS

    chain = await _chain(state)
    secret = await state.client.get(SECRETS.path(state.namespace, names.ISSUER_SECRET))
    key_pem = _secret_text(secret, names.ISSUER_SECRET, "key.pem", "tls.key")
    try:
        public = load_pem_private_key(key_pem.encode(), None).public_key()
    except (ValueError, TypeError) as error:
        raise Failed(f"{names.ISSUER_SECRET}: the key cannot be read: {error}") from error
    form = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    if public.public_bytes(*form) != chain.issuer.public_key().public_bytes(*form):
        raise Failed(f"{names.ISSUER_SECRET}: the key is not the certificate's")


def _name(certificate: "Certificate") -> str:
    return f"{certificate.serial_number} {certificate.subject.rfc4514_string().removeprefix('CN=')}"


def _supported(certificates: "list[Certificate]", *, rsa: bool) -> None:
    """ECDSA P-256; for anchors also RSA of 2048 or 4096 bits (Linkerd)."""
    from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

    bad = []
    for certificate in certificates:
        key = certificate.public_key()
        fine = isinstance(key, EllipticCurvePublicKey) and isinstance(key.curve, SECP256R1)
        if rsa and isinstance(key, RSAPublicKey):
            fine = key.key_size in (2048, 4096)
        if not fine:
            bad.append(f"{_name(certificate)} must use P-256 curve for public key, instead {_algorithm(key)} was used")
    if bad:
        raise Failed("Invalid certificates:\n" + "\n".join(f"  * {line}" for line in bad))


def _algorithm(key: object) -> str:
    return type(key).__name__.lstrip("_").removesuffix("PublicKey")


def _in_time(certificates: "list[Certificate]", now: datetime) -> None:
    bad = []
    for certificate in certificates:
        if now > certificate.not_valid_after_utc:
            bad.append(f"{_name(certificate)} not valid anymore. Expired on {_when(certificate.not_valid_after_utc)}")
        elif now < certificate.not_valid_before_utc:
            bad.append(f"{_name(certificate)} not valid before: {_when(certificate.not_valid_before_utc)}")
    if bad:
        raise Failed("Invalid certificates:\n" + "\n".join(f"  * {line}" for line in bad))


def _not_soon(certificates: "list[Certificate]", now: datetime) -> None:
    bad = [
        f"{_name(certificate)} will expire on {_when(certificate.not_valid_after_utc)}"
        for certificate in certificates
        if now + SOON > certificate.not_valid_after_utc
    ]
    if bad:
        raise Failed("Certificates that expire soon:\n" + "\n".join(f"  * {line}" for line in bad))


def _when(time: datetime) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")


async def _anchors_supported(state: State) -> None:
    _supported((await _chain(state)).anchors, rsa=True)


async def _anchors_in_time(state: State) -> None:
    _in_time((await _chain(state)).anchors, state.now())


async def _anchors_not_soon(state: State) -> None:
    _not_soon((await _chain(state)).anchors, state.now())


async def _issuer_supported(state: State) -> None:
    _supported([(await _chain(state)).issuer], rsa=False)


async def _issuer_in_time(state: State) -> None:
    _in_time([(await _chain(state)).issuer], state.now())


async def _issuer_not_soon(state: State) -> None:
    _not_soon([(await _chain(state)).issuer], state.now())


async def _issued_by_anchor(state: State) -> None:
    chain = await _chain(state)
    if not any(_issued_by(chain.issuer, anchor) for anchor in chain.anchors):
        raise Failed("issuer certificate is not signed by any of the trust anchors")


def _issued_by(certificate: "Certificate", authority: "Certificate") -> bool:
    from cryptography.exceptions import InvalidSignature

    try:
        certificate.verify_directly_issued_by(authority)
    except (InvalidSignature, ValueError, TypeError):
        return False
    return True


async def _webhook_certificates(state: State) -> "list[Certificate]":
    from linkerd_kube.resources import SECRETS

    secret = await state.client.get(SECRETS.path(state.namespace, INJECTOR_SECRET))
    return _pem(INJECTOR_SECRET, _secret_text(secret, INJECTOR_SECRET, "tls.crt", "crt.pem"))


async def _vouched(state: State, path: str, service: str) -> None:
    """The API server's own question: does caBundle vouch for the certificate, under the Service's name?"""
    from cryptography import x509

    from linkerd_kube.errors import NotFound

    certificates = await _webhook_certificates(state)
    try:
        configuration = await state.client.get(path)
    except NotFound:
        raise Skipped from None  # linkerd-config has said so
    for webhook in objects(configuration, "webhooks"):
        encoded = text(mapping(webhook, "clientConfig"), "caBundle")
        if not encoded:
            raise Failed(f"{text(webhook, 'name')} has no caBundle: the injector has not written it yet")
        try:
            pem = base64.b64decode(encoded, validate=True).decode("utf-8", "replace")
        except binascii.Error as error:
            raise Failed(f"caBundle of {text(webhook, 'name')} is not base64: {error}") from error
        bundle = _pem(f"caBundle of {text(webhook, 'name')}", pem)
        if not any(_issued_by(certificates[0], authority) for authority in bundle):
            raise Failed(f"caBundle of {text(webhook, 'name')} does not vouch for the certificate in {INJECTOR_SECRET}")
    host = f"{service}.{state.namespace}.svc"
    try:
        names_of = certificates[0].extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        raise Failed(f"the certificate in {INJECTOR_SECRET} has no name") from None
    if host not in names_of.get_values_for_type(x509.DNSName):
        raise Failed(f"the certificate in {INJECTOR_SECRET} is not for {host}")
    _in_time(certificates[:1], state.now())


def _webhook_checks(service: str) -> tuple[Check, Check]:
    """Of one of the three webhooks; they share the injector's listener and its certificate."""
    name = service.removeprefix("linkerd-")

    async def valid(state: State) -> None:
        from linkerd_kube.resources import MUTATING_WEBHOOKS, VALIDATING_WEBHOOKS

        resource = MUTATING_WEBHOOKS if service == INJECTOR_SERVICE else VALIDATING_WEBHOOKS
        await _vouched(state, resource.path(name=f"{service}-webhook-config"), service)

    return (
        Check(f"{name} webhook has valid cert", f"l5d-{name}-webhook-cert-valid", valid, fatal=True, retry=True),
        Check(
            f"{name} cert is valid for at least 60 days",
            "l5d-webhook-cert-not-expiring-soon",
            _webhook_not_soon,
            warning=True,
        ),
    )


async def _webhook_not_soon(state: State) -> None:
    _not_soon((await _webhook_certificates(state))[:1], state.now())


_ID = "l5d-identity-"
IDENTITY = Category(
    "linkerd-identity",
    (
        Check("certificate config is valid", f"{_ID}cert-config-valid", _config_valid, fatal=True, retry=True),
        Check(
            "trust anchors are using supported crypto algorithm",
            f"{_ID}trustAnchors-use-supported-crypto",
            _anchors_supported,
            fatal=True,
        ),
        Check(
            "trust anchors are within their validity period",
            f"{_ID}trustAnchors-are-time-valid",
            _anchors_in_time,
            fatal=True,
        ),
        Check(
            "trust anchors are valid for at least 60 days",
            f"{_ID}trustAnchors-not-expiring-soon",
            _anchors_not_soon,
            warning=True,
        ),
        Check(
            "issuer cert is using supported crypto algorithm",
            f"{_ID}issuer-cert-uses-supported-crypto",
            _issuer_supported,
            fatal=True,
        ),
        Check(
            "issuer cert is within its validity period", f"{_ID}issuer-cert-is-time-valid", _issuer_in_time, fatal=True
        ),
        Check(
            "issuer cert is valid for at least 60 days",
            f"{_ID}issuer-cert-not-expiring-soon",
            _issuer_not_soon,
            warning=True,
        ),
        Check(
            "issuer cert is issued by the trust anchor",
            f"{_ID}issuer-cert-issued-by-trust-anchor",
            _issued_by_anchor,
        ),
    ),
)
WEBHOOKS = Category(
    "linkerd-webhooks-and-apisvc-tls",
    tuple(
        check
        for service in (INJECTOR_SERVICE, "linkerd-sp-validator", "linkerd-policy-validator")
        for check in _webhook_checks(service)
    ),
)
