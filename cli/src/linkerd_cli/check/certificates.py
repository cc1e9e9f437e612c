"""linkerd-identity and linkerd-webhooks-and-apisvc-tls: the certificates that everything stands on."""

import base64
import binascii
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from linkerd_cli.check.model import Category, Check, Failed, Skipped
from linkerd_cli.check.state import State
from linkerd_cli.pods import is_ready
from linkerd_cli.tree import JsonObject, mapping, objects, text
from linkerd_contract import names
from linkerd_contract.trust import ANCHOR_CURVES, ANCHOR_KEYS, ANCHOR_RSA_BITS

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

SOON = timedelta(days=60)
INJECTOR_SECRET = "linkerd-proxy-injector-k8s-tls"  # noqa: S105 - an object's name
INJECTOR_SERVICE = "linkerd-proxy-injector"
WEBHOOK_SERVICES = (INJECTOR_SERVICE, "linkerd-sp-validator", "linkerd-policy-validator")


@dataclass(slots=True)
class _Chain:
    anchors: "list[Certificate]"
    issuer: "Certificate"
    between: "list[Certificate]"
    """What came with the issuer."""


def _pem(what: str, pem: str) -> "list[Certificate]":
    from cryptography import x509

    try:
        found = x509.load_pem_x509_certificates(pem.encode())
    except (ValueError, x509.InvalidVersion) as error:
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
    first, *between = _pem(names.ISSUER_SECRET, issuer)
    return _Chain(_pem(names.TRUST_ROOTS_CONFIG_MAP, bundle), first, between)


async def _config_valid(state: State) -> None:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

    from linkerd_kube.resources import SECRETS

    chain = await _chain(state)
    secret = await state.client.get(SECRETS.path(state.namespace, names.ISSUER_SECRET))
    key_pem = _secret_text(secret, names.ISSUER_SECRET, "key.pem", "tls.key")
    try:
        public = load_pem_private_key(key_pem.encode(), None).public_key()
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise Failed(f"{names.ISSUER_SECRET}: the key cannot be read: {error}") from error
    form = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    if public.public_bytes(*form) != chain.issuer.public_key().public_bytes(*form):
        raise Failed(f"{names.ISSUER_SECRET}: the key is not the certificate's")


def _name(certificate: "Certificate") -> str:
    return f"{certificate.serial_number} {certificate.subject.rfc4514_string().removeprefix('CN=')}"


def _supported(certificates: "list[Certificate]", allowed: Callable[[object], bool], kinds: str) -> None:
    """Whether their keys are of the `kinds` that identity works with."""
    from cryptography.exceptions import UnsupportedAlgorithm

    bad = []
    for certificate in certificates:
        try:
            key: object = certificate.public_key()
        except (ValueError, UnsupportedAlgorithm) as error:
            bad.append(f"{_name(certificate)} has a broken public key: {error}")
            continue
        if not allowed(key):
            bad.append(f"{_name(certificate)} must use {kinds} for its public key, instead {_algorithm(key)} was used")
    if bad:
        raise Failed("Invalid certificates:\n" + "\n".join(f"  * {line}" for line in bad))


def _p256(key: object) -> bool:
    from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey

    return isinstance(key, EllipticCurvePublicKey) and isinstance(key.curve, SECP256R1)


def _anchor_kind(key: object) -> bool:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

    if isinstance(key, RSAPublicKey):
        return ANCHOR_RSA_BITS[0] <= key.key_size <= ANCHOR_RSA_BITS[1]
    return isinstance(key, EllipticCurvePublicKey) and key.curve.name in ANCHOR_CURVES


def _algorithm(key: object) -> str:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

    if isinstance(key, EllipticCurvePublicKey):
        return f"ECDSA {key.curve.name}"
    if isinstance(key, RSAPublicKey):
        return f"RSA of {key.key_size} bits"
    return type(key).__name__.lstrip("_").removesuffix("PublicKey")


def _in_time(certificates: "list[Certificate]", now: datetime) -> None:
    bad = []
    for certificate in certificates:
        if now > certificate.not_valid_after_utc:
            bad.append(f"{_name(certificate)} not valid anymore. Expired on {when(certificate.not_valid_after_utc)}")
        elif now < certificate.not_valid_before_utc:
            begins = when(certificate.not_valid_before_utc)
            bad.append(f"{_name(certificate)} not valid before: {begins}; here it is {when(now)}: is this clock right?")
    if bad:
        raise Failed("Invalid certificates:\n" + "\n".join(f"  * {line}" for line in bad))


def _not_soon(certificates: "list[Certificate]", now: datetime) -> None:
    bad = [
        f"{_name(certificate)} will expire on {when(certificate.not_valid_after_utc)}"
        for certificate in certificates
        if now + SOON > certificate.not_valid_after_utc
    ]
    if bad:
        raise Failed("Certificates that expire soon:\n" + "\n".join(f"  * {line}" for line in bad))


def when(time: datetime) -> str:
    """RFC 3339, UTC."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")


async def _anchors_supported(state: State) -> None:
    _supported((await _chain(state)).anchors, _anchor_kind, f"one of {ANCHOR_KEYS}")


async def _anchors_in_time(state: State) -> None:
    _in_time((await _chain(state)).anchors, state.now())


async def _anchors_not_soon(state: State) -> None:
    _not_soon((await _chain(state)).anchors, state.now())


async def _issuer_supported(state: State) -> None:
    _supported([(await _chain(state)).issuer], _p256, "P-256 curve")


async def _issuer_in_time(state: State) -> None:
    _in_time([(await _chain(state)).issuer], state.now())


async def _issuer_not_soon(state: State) -> None:
    _not_soon([(await _chain(state)).issuer], state.now())


async def _issued_by_anchor(state: State) -> None:
    chain = await _chain(state)
    certificate, left = chain.issuer, list(chain.between)
    while certificate not in chain.anchors and not any(_issued_by(certificate, anchor) for anchor in chain.anchors):
        parent = next((above for above in left if _issued_by(certificate, above)), None)
        if parent is None:
            raise Failed("issuer certificate is not signed by any of the trust anchors")
        left.remove(parent)
        certificate = parent


def _issued_by(certificate: "Certificate", authority: "Certificate") -> bool:
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

    try:
        certificate.verify_directly_issued_by(authority)
    except (InvalidSignature, UnsupportedAlgorithm, ValueError, TypeError):
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


async def _endpoints(state: State) -> None:
    """Whom the API server would call: the Service that a webhook names leads to a ready pod."""
    from linkerd_kube.resources import MUTATING_WEBHOOKS, PODS, SERVICES, VALIDATING_WEBHOOKS

    problems = []
    for service in WEBHOOK_SERVICES:
        resource = MUTATING_WEBHOOKS if service == INJECTOR_SERVICE else VALIDATING_WEBHOOKS
        configuration = await state.client.find(resource.path(name=f"{service}-webhook-config"))
        for webhook in objects(configuration or {}, "webhooks"):  # one that is missing linkerd-config has named
            target = mapping(mapping(webhook, "clientConfig"), "service")
            if not target:
                continue  # a URL, which somebody has put there
            namespace, name = text(target, "namespace"), text(target, "name")
            found = await state.client.find(SERVICES.path(namespace, name))
            if found is None:
                problems.append(f"{text(webhook, 'name')} calls Service {namespace}/{name}, which is not there")
                continue
            selector = ",".join(f"{k}={v}" for k, v in mapping(mapping(found, "spec"), "selector").items())
            pods = (await state.client.list(PODS, namespace, label_selector=selector)).items
            if not any(map(is_ready, pods)):
                problems.append(
                    f"{text(webhook, 'name')} calls Service {namespace}/{name}, which has no endpoints: "
                    f"no pod with {selector} is ready"
                )
    if problems:
        raise Failed("\n".join(problems))


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
    (
        *(check for service in WEBHOOK_SERVICES for check in _webhook_checks(service)),
        Check("webhooks have endpoints", "l5d-webhook-endpoints", _endpoints, retry=True),
    ),
)
