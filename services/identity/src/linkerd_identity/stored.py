"""PURE: the three objects that trust is kept in, as JSON and as values.

- Secret linkerd-identity-trust-anchor: `crt.pem`, `key.pem` the anchor that signs issuers; `next.crt.pem`,
  `next.key.pem` the one that will; `previous.crt.pem` those that no longer do and are still published (without keys).
- ConfigMap linkerd-identity-trust-roots: `ca-bundle.crt`, all published anchors; annotations say when the newest was
  added, how long changes of trust overlap, and which rotation was asked for.
- Secret linkerd-identity-issuer: `crt.pem`, `key.pem`, `ca.crt`; or a user's, with `tls.crt`, `tls.key`, `ca.crt`.

What we made carries the created-by annotation and the digest of its certificate: `kubectl apply` of a user's own
certificate keeps the annotations, so the digest tells.
"""

from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from linkerd_contract import names
from linkerd_contract.trust import ANNOTATION_GIVEN, ANNOTATION_ROTATE_ANCHOR, ANNOTATION_ROTATE_ISSUER
from linkerd_contract.version import VERSION
from linkerd_kube import JsonObject
from linkerd_runtime import pki

CREATED_BY = f"linkerd/identity {VERSION}"
_MADE_BY_US = "linkerd/identity "
_CERTIFICATE_KEYS = ("crt.pem", "tls.crt")
_KEY_KEYS = ("key.pem", "tls.key")
_DIGEST = "identity.linkerd.io/certificate-sha256"
_MADE_AT = "identity.linkerd.io/made-at"
_ANSWERS = "identity.linkerd.io/rotated-for"
_PUBLISHED_AT = "identity.linkerd.io/published-at"
_SERVING_AT = "identity.linkerd.io/serving-at"
_OVERLAP = "identity.linkerd.io/overlap-seconds"


@dataclass(frozen=True, slots=True)
class Material:
    """The issuer's Secret, as text not yet checked."""

    certificate: str
    key: str
    ca: str
    """PEM of ca.crt, "" without one (cert-manager writes it, and we do)."""
    ours: bool
    made_at: datetime | None = None
    answers: str = ""
    """The request for a rotation that led to it."""


@dataclass(frozen=True, slots=True)
class Anchors:
    """The anchor's Secret. Certificates and keys are PEM, not yet checked; "" where there is none."""

    certificate: str = ""
    key: str = ""
    next_certificate: str = ""
    next_key: str = ""
    previous: str = ""
    answers: str = ""


@dataclass(frozen=True, slots=True)
class Bundle:
    """The ConfigMap; an empty text counts as no bundle."""

    text: str
    ours: bool
    published_at: datetime | None = None
    """When an anchor was last added."""
    serving_at: datetime | None = None
    """While an anchor waits for its turn: when a replica last served with both published."""
    overlap: timedelta = timedelta(0)
    """The longest that was ever in force."""
    rotate_issuer: str = ""
    rotate_anchor: str = ""
    """Requests: any text that was not answered yet."""
    given: bool = False
    """Whether somebody says that the user's Secret will come: nothing is made before it does."""


def read_material(secret: JsonObject) -> Material:
    """The issuer's Secret in either form: linkerd.io/tls or kubernetes.io/tls."""
    data: Mapping[str, object] = secret.get("data") or {}
    certificate = _first(data, *_CERTIFICATE_KEYS)
    annotations = _annotations(secret)
    digest = annotations.get(_DIGEST)
    return Material(
        certificate=certificate,
        key=_first(data, *_KEY_KEYS),
        ca=_first(data, "ca.crt"),
        ours=_ours(secret) and (digest is None or digest == _sha256(certificate)),
        made_at=_time(annotations.get(_MADE_AT)),
        answers=annotations.get(_ANSWERS, ""),
    )


def read_anchors(secret: JsonObject) -> Anchors:
    """The anchor's Secret."""
    data: Mapping[str, object] = secret.get("data") or {}
    return Anchors(
        certificate=_first(data, *_CERTIFICATE_KEYS),
        key=_first(data, *_KEY_KEYS),
        next_certificate=_first(data, "next.crt.pem"),
        next_key=_first(data, "next.key.pem"),
        previous=_first(data, "previous.crt.pem"),
        answers=_annotations(secret).get(_ANSWERS, ""),
    )


def read_config_map(config_map: JsonObject) -> Bundle:
    """The bundle's ConfigMap."""
    text = (config_map.get("data") or {}).get(names.TRUST_ROOTS_KEY, "")
    annotations = _annotations(config_map)
    return Bundle(
        text=text.strip() if isinstance(text, str) else "",
        ours=_ours(config_map),
        published_at=_time(annotations.get(_PUBLISHED_AT)),
        serving_at=_time(annotations.get(_SERVING_AT)),
        overlap=_duration(annotations.get(_OVERLAP)),
        rotate_issuer=annotations.get(ANNOTATION_ROTATE_ISSUER, ""),
        rotate_anchor=annotations.get(ANNOTATION_ROTATE_ANCHOR, ""),
        given=annotations.get(ANNOTATION_GIVEN) == "true",
    )


def issuer_secret(namespace: str, pair: pki.KeyPair, anchor: str, made_at: datetime, answers: str = "") -> JsonObject:
    """An issuer of ours. `anchor` (PEM) is kept beside it: where all else is lost, it says what workloads trust."""
    data = {"crt.pem": pair.certificate_pem, "key.pem": pair.key_pem, "ca.crt": anchor}
    secret = _secret(names.ISSUER_SECRET, namespace, data)
    secret["metadata"]["annotations"] |= {_DIGEST: _sha256(pair.certificate_pem), _MADE_AT: _stamp(made_at)}
    if answers:
        secret["metadata"]["annotations"][_ANSWERS] = answers
    return secret


def anchor_secret(namespace: str, anchors: Anchors) -> JsonObject:
    """Our anchors."""
    data = {
        "crt.pem": anchors.certificate,
        "key.pem": anchors.key,
        "next.crt.pem": anchors.next_certificate,
        "next.key.pem": anchors.next_key,
        "previous.crt.pem": anchors.previous,
    }
    secret = _secret(names.ANCHOR_SECRET, namespace, {name: text for name, text in data.items() if text})
    if anchors.answers:
        secret["metadata"]["annotations"][_ANSWERS] = anchors.answers
    return secret


def config_map_of(namespace: str, bundle: Bundle) -> JsonObject:
    """The bundle's ConfigMap, made by us."""
    metadata = _metadata(names.TRUST_ROOTS_CONFIG_MAP, namespace)
    if bundle.published_at is not None:
        metadata["annotations"][_PUBLISHED_AT] = _stamp(bundle.published_at)
    if bundle.serving_at is not None:
        metadata["annotations"][_SERVING_AT] = _stamp(bundle.serving_at)
    if bundle.overlap:
        metadata["annotations"][_OVERLAP] = f"{bundle.overlap.total_seconds():g}"
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {names.TRUST_ROOTS_KEY: bundle.text}}


def replacing(stored: JsonObject | None, body: JsonObject) -> JsonObject:
    """What to write where `stored` may be there: its resourceVersion guards the write; what others added stays."""
    if stored is None:
        return body
    metadata: JsonObject = dict(stored.get("metadata") or {})
    metadata["annotations"] = {**(metadata.get("annotations") or {}), **body["metadata"]["annotations"]}
    metadata["labels"] = {**(metadata.get("labels") or {}), **body["metadata"]["labels"]}
    merged = {**stored, **body, "metadata": metadata}
    if body["kind"] == "ConfigMap":
        merged["data"] = {**(stored.get("data") or {}), **body["data"]}
    elif "type" in stored:
        merged["type"] = stored["type"]
    return merged


def _secret(name: str, namespace: str, data: Mapping[str, str]) -> JsonObject:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": _metadata(name, namespace),
        "type": "linkerd.io/tls" if name == names.ISSUER_SECRET else "Opaque",
        "data": {key: b64encode(text.encode()).decode() for key, text in data.items()},
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


def _annotations(obj: JsonObject) -> dict[str, str]:
    found = (obj.get("metadata") or {}).get("annotations") or {}
    return {key: str(value) for key, value in found.items()}


def _ours(obj: JsonObject) -> bool:
    return _annotations(obj).get(names.ANNOTATION_CREATED_BY, "").startswith(_MADE_BY_US)


def _first(data: Mapping[str, object], *keys: str) -> str:
    for key in keys:
        value = data.get(key)
        if isinstance(value, str) and value:
            try:
                return b64decode(value, validate=True).decode()
            except ValueError:
                return ""
    return ""


def _sha256(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def _stamp(time: datetime) -> str:
    return time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _time(text: str | None) -> datetime | None:
    """An unreadable time is none; one without a zone is UTC."""
    try:
        found = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


def _duration(text: str | None) -> timedelta:
    try:
        return max(timedelta(0), timedelta(seconds=float(text or 0)))
    except (ValueError, OverflowError):
        return timedelta(0)
