"""PURE: where the mesh's trust stands, and the next step to make. Every step writes one object, so that a crash after
any of them resumes at the next.

Self-running, in this order: the anchor (Secret) -> the bundle with it (ConfigMap) -> the issuer (Secret): no leaf is
ever signed under an anchor that is not published. Given (a Secret of the user's): nothing is made but a missing
bundle, from the Secret's own ca.crt. Which of the two: the created-by annotation on what we make.
"""

from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from linkerd_contract import names
from linkerd_contract.version import VERSION
from linkerd_identity.authority import Issuer, IssuerRefused, check_issuer, read_bundle
from linkerd_identity.settings import Lives
from linkerd_kube import JsonObject
from linkerd_runtime import pki

CREATED_BY = f"linkerd/identity {VERSION}"
_MADE_BY_US = "linkerd/identity "
_CERTIFICATE_KEYS = ("crt.pem", "tls.crt")
_KEY_KEYS = ("key.pem", "tls.key")


@dataclass(frozen=True, slots=True)
class Material:
    """A Secret with a CA in it, as text not yet checked."""

    certificate: str
    key: str
    ca: str
    """PEM of ca.crt, "" without one (cert-manager writes it)."""
    ours: bool


@dataclass(frozen=True, slots=True)
class Bundle:
    """The ConfigMap's text; "" counts as no bundle."""

    text: str
    ours: bool


@dataclass(frozen=True, slots=True)
class State:
    """The three objects as read. `anchor` is read only where it matters (see `needs_anchor`)."""

    issuer: Material | None
    bundle: Bundle | None
    anchor: Material | None


@dataclass(frozen=True, slots=True)
class MakeAnchor:
    """Write the Secret linkerd-identity-trust-anchor."""


@dataclass(frozen=True, slots=True)
class Publish:
    """Write the bundle's ConfigMap."""

    bundle: str


@dataclass(frozen=True, slots=True)
class MakeIssuer:
    """Write the Secret linkerd-identity-issuer, signed by the anchor."""

    anchor: pki.KeyPair


@dataclass(frozen=True, slots=True)
class Serve:
    """All is there: sign with this."""

    issuer: Issuer


@dataclass(frozen=True, slots=True)
class Broken:
    """Only a person can go on; `reason` is a sentence for them."""

    reason: str


Step = MakeAnchor | Publish | MakeIssuer | Serve | Broken


def needs_anchor(issuer: Material | None, bundle: Bundle | None) -> bool:
    """Whether the anchor's Secret, the one that owns the mesh, has to be read at all."""
    return issuer is None or (issuer.ours and (bundle is None or not bundle.text))


def next_step(state: State, now: datetime) -> Step:
    """What to do now."""
    try:
        if state.issuer is None:
            return _without_issuer(state)
        if state.bundle is None or not state.bundle.text:
            return _without_bundle(state.issuer, state.anchor)
        issuer = check_issuer(state.issuer.certificate, state.issuer.key, state.bundle.text, now)
    except IssuerRefused as refused:
        return Broken(str(refused))
    return Serve(issuer)


def make_anchor(namespace: str, trust_domain: str, lives: Lives, now: datetime) -> pki.KeyPair:
    """A self-signed anchor: root.linkerd.cluster.local, as Linkerd's documentation names it."""
    return pki.make_ca(f"root.{namespace}.{trust_domain}", _validity(now, lives, lives.anchor))


def make_issuer(anchor: pki.KeyPair, namespace: str, trust_domain: str, lives: Lives, now: datetime) -> pki.KeyPair:
    """An issuer under the anchor, never outliving it."""
    wanted = _validity(now, lives, lives.issuer)
    validity = pki.Validity(wanted.not_before, min(wanted.not_after, anchor.certificate.not_valid_after_utc))
    return pki.make_ca(names.issuer_name(namespace, trust_domain), validity, parent=anchor, path_length=0)


def _validity(now: datetime, lives: Lives, life: timedelta) -> pki.Validity:
    return pki.Validity((now - lives.skew).replace(microsecond=0), (now + life).replace(microsecond=0))


def _without_issuer(state: State) -> Step:
    bundle = state.bundle if state.bundle is not None and state.bundle.text else None
    if bundle is not None and not bundle.ours:
        return Broken(
            f"the trust bundle in ConfigMap {names.TRUST_ROOTS_CONFIG_MAP} is given, so Secret {names.ISSUER_SECRET} "
            "must be given too; it is missing"
        )
    if state.anchor is None:
        return MakeAnchor()
    try:
        anchor = pki.KeyPair(pki.read_certificates(state.anchor.certificate)[0], pki.read_key(state.anchor.key))
    except ValueError as error:
        raise IssuerRefused(f"Secret {names.ANCHOR_SECRET} does not hold a readable certificate and key") from error
    published = read_bundle(bundle.text) if bundle is not None else []
    if anchor.certificate not in published:
        return Publish(pki.pem(*published, anchor.certificate))
    return MakeIssuer(anchor)


def _without_bundle(issuer: Material, anchor: Material | None) -> Step:
    source = anchor.certificate if issuer.ours and anchor is not None else issuer.ca
    if not source:
        return Broken(
            f"ConfigMap {names.TRUST_ROOTS_CONFIG_MAP} has no {names.TRUST_ROOTS_KEY}, and Secret "
            f"{names.ISSUER_SECRET} has no ca.crt to make it from"
        )
    return Publish(pki.pem(*read_bundle(source)))


def read_material(secret: JsonObject) -> Material:
    """A Secret of either form: linkerd.io/tls (crt.pem, key.pem) or kubernetes.io/tls (tls.crt, tls.key, ca.crt)."""
    data: Mapping[str, object] = secret.get("data") or {}
    return Material(
        certificate=_first(data, _CERTIFICATE_KEYS),
        key=_first(data, _KEY_KEYS),
        ca=_first(data, ("ca.crt",)),
        ours=_ours(secret),
    )


def read_config_map(config_map: JsonObject) -> Bundle:
    """The bundle's ConfigMap."""
    text = (config_map.get("data") or {}).get(names.TRUST_ROOTS_KEY, "")
    return Bundle(text.strip() if isinstance(text, str) else "", _ours(config_map))


def secret_of(name: str, namespace: str, pair: pki.KeyPair) -> JsonObject:
    """A Secret of type linkerd.io/tls that we have made."""
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": _metadata(name, namespace),
        "type": "linkerd.io/tls",
        "data": {
            "crt.pem": b64encode(pair.certificate_pem.encode()).decode(),
            "key.pem": b64encode(pair.key_pem.encode()).decode(),
        },
    }


def config_map_of(namespace: str, bundle: str) -> JsonObject:
    """The bundle's ConfigMap, made by us."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": _metadata(names.TRUST_ROOTS_CONFIG_MAP, namespace),
        "data": {names.TRUST_ROOTS_KEY: bundle},
    }


def _metadata(name: str, namespace: str) -> JsonObject:
    return {
        "name": name,
        "namespace": namespace,
        "annotations": {names.ANNOTATION_CREATED_BY: CREATED_BY},
        "labels": {
            names.LABEL_CONTROL_PLANE_COMPONENT: "identity",
            names.LABEL_CONTROL_PLANE_NS: namespace,
        },
    }


def _ours(obj: JsonObject) -> bool:
    annotations = (obj.get("metadata") or {}).get("annotations") or {}
    return str(annotations.get(names.ANNOTATION_CREATED_BY, "")).startswith(_MADE_BY_US)


def _first(data: Mapping[str, object], keys: tuple[str, ...]) -> str:
    for key in keys:
        value = data.get(key)
        if isinstance(value, str) and value:
            try:
                return b64decode(value, validate=True).decode()
            except ValueError:
                return ""
    return ""
