"""PURE: the webhook's serving certificate, in Secret linkerd-proxy-injector-k8s-tls (kubernetes.io/tls with ca.crt).

A CA made for it alone signs one leaf and is forgotten; the API server trusts it through caBundle. Renewed when a third
of its life is left: the new CA is in caBundle before the new leaf is in the Secret, and the old CA stays beside it.
"""

from base64 import b64decode, b64encode
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509

from linkerd_contract import names
from linkerd_contract.version import VERSION
from linkerd_kube import JsonObject
from linkerd_runtime import pki

SECRET = "linkerd-proxy-injector-k8s-tls"  # noqa: S105 - an object's name
SERVICES = ("linkerd-proxy-injector", "linkerd-sp-validator", "linkerd-policy-validator")
"""The Services that lead to this listener."""

CERT_MANAGER = "cert-manager.io/inject-"
_CERTIFICATE_NAME = "cert-manager.io/certificate-name"
"""What cert-manager annotates its Secrets with."""
_SKEW = timedelta(minutes=5)
CREATED_BY = f"linkerd/proxy-injector {VERSION}"
_MADE_BY_US = "linkerd/proxy-injector "


@dataclass(frozen=True, slots=True)
class Serving:
    """PEM texts, and when to renew (None: not ours, so never by us)."""

    chain: str
    key: str
    ca: str
    not_after: datetime
    renew_at: datetime | None


def make_serving(namespace: str, cluster_domain: str, life: timedelta, now: datetime, old_ca: str = "") -> Serving:
    """A new one; `old_ca` is trusted beside the new CA."""
    validity = pki.Validity((now - _SKEW).replace(microsecond=0), (now + life).replace(microsecond=0))
    # Not the name of the leaf: OpenSSL would take that for self-signed.
    authority = pki.make_ca(f"ca.linkerd-proxy-injector.{namespace}.svc", validity, path_length=0)
    key = pki.new_key()
    hosts = [f"{service}.{namespace}.svc" for service in SERVICES]
    hosts += [f"{host}.{cluster_domain}" for host in hosts]
    leaf = pki.make_leaf(authority, key.public_key(), hosts[0], hosts, validity)
    ca = authority.certificate_pem + _unexpired(old_ca, now)
    return Serving(pki.pem(leaf), pki.private_pem(key), ca, validity.not_after, _renew_at(leaf))


def read_serving(secret: JsonObject, namespace: str, now: datetime) -> Serving:
    """What the Secret holds. Raises ValueError with the reason why it cannot be served with."""
    chain, key, ca = (_text(secret, name) for name in ("tls.crt", "tls.key", "ca.crt"))
    certificates = pki.read_certificates(chain)
    leaf = certificates[0]
    try:
        if leaf.public_key() != pki.read_key(key).public_key():
            raise ValueError("the key does not belong to the certificate")
    except ValueError as error:
        if ours(secret):
            raise
        # A given key may be of another type; OpenSSL checks the pair when it is loaded.
        if "does not belong" in str(error):
            raise
    if now >= leaf.not_valid_after_utc:
        raise ValueError(f"the certificate ended at {leaf.not_valid_after_utc:%Y-%m-%dT%H:%M:%SZ}")
    if f"{SERVICES[0]}.{namespace}.svc" not in _dns_names(leaf):
        raise ValueError(f"the certificate is not for {SERVICES[0]}.{namespace}.svc")
    ca = pki.pem(*pki.read_certificates(ca)) if ca else pki.pem(certificates[-1])
    return Serving(chain, key, ca, leaf.not_valid_after_utc, _renew_at(leaf) if ours(secret) else None)


def ours(obj: JsonObject) -> bool:
    """Whether we have made it, and may make it again."""
    annotations = (obj.get("metadata") or {}).get("annotations") or {}
    # cert-manager writes over a Secret that we were quicker to make, and leaves our annotation where it was.
    if _CERTIFICATE_NAME in annotations:
        return False
    return str(annotations.get(names.ANNOTATION_CREATED_BY, "")).startswith(_MADE_BY_US)


def secret_of(namespace: str, serving: Serving) -> JsonObject:
    """The Secret to write."""
    data = {"tls.crt": serving.chain, "tls.key": serving.key, "ca.crt": serving.ca}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": SECRET,
            "namespace": namespace,
            "annotations": {names.ANNOTATION_CREATED_BY: CREATED_BY},
            "labels": {
                names.LABEL_CONTROL_PLANE_COMPONENT: "proxy-injector",
                names.LABEL_CONTROL_PLANE_NS: namespace,
            },
        },
        "type": "kubernetes.io/tls",
        "data": {name: b64encode(text.encode()).decode() for name, text in data.items()},
    }


def ca_patch(configuration: JsonObject, namespace: str, ca: str) -> list[JsonObject]:
    """The JSON patch that has a webhook configuration's own webhooks trust `ca`; empty where they do.

    Each change is guarded by a test of the webhook's name, for somebody may reorder the list meanwhile. A configuration
    that cert-manager's CA injector fills in is left to it: two writers would undo each other's work forever.
    """
    if left_to_cert_manager(configuration):
        return []
    wanted = _certificates(ca)
    patch: list[JsonObject] = []
    for index, webhook in enumerate(configuration.get("webhooks") or []):
        client = webhook.get("clientConfig") or {}
        if not _leads_here(client, namespace):
            continue
        if wanted <= _certificates(_decode(client.get("caBundle"))):
            continue
        path = f"/webhooks/{index}"
        patch.append({"op": "test", "path": f"{path}/name", "value": webhook.get("name")})
        value = b64encode(ca.encode()).decode()
        patch.append({"op": "add", "path": f"{path}/clientConfig/caBundle", "value": value})
    return patch


def left_to_cert_manager(configuration: JsonObject) -> bool:
    """Whether an annotation of cert-manager's asks it for caBundle (inject-ca-from, inject-ca-from-secret)."""
    annotations = (configuration.get("metadata") or {}).get("annotations") or {}
    return any(str(name).startswith(CERT_MANAGER) for name in annotations)


def has_ca_bundles(configuration: JsonObject, namespace: str) -> bool:
    """Whether somebody has filled in the caBundle of every webhook of ours."""
    clients = (webhook.get("clientConfig") or {} for webhook in configuration.get("webhooks") or [])
    return all(client.get("caBundle") for client in clients if _leads_here(client, namespace))


def _leads_here(client: JsonObject, namespace: str) -> bool:
    service = client.get("service") or {}
    return service.get("namespace") == namespace and service.get("name") in SERVICES


def _renew_at(leaf: x509.Certificate) -> datetime:
    life = leaf.not_valid_after_utc - leaf.not_valid_before_utc - _SKEW
    return leaf.not_valid_after_utc - life / 3


def _certificates(bundle: str) -> set[str]:
    """The certificates of a bundle as texts: what stands in caBundle need not be readable to be compared."""
    return {part.strip() for part in bundle.split("-----END CERTIFICATE-----") if part.strip()}


def _unexpired(ca: str, now: datetime) -> str:
    if not ca:
        return ""
    return pki.pem(*(c for c in pki.read_certificates(ca) if c.not_valid_after_utc > now))


def _dns_names(leaf: x509.Certificate) -> list[str]:
    try:
        san = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    return san.get_values_for_type(x509.DNSName)


def _text(secret: JsonObject, key: str) -> str:
    return _decode((secret.get("data") or {}).get(key))


def _decode(value: object) -> str:
    if not isinstance(value, str):
        return ""
    try:
        return b64decode(value, validate=True).decode()
    except ValueError:
        return ""
