"""PURE: the certificate that the API server sees, and who else's it trusts meanwhile.

Every process makes a CA of its own, signs one leaf with it and forgets its key; the leaf's key never leaves the process
either. caBundle holds the CAs of all processes that run, so replicas and rollouts need no shared Secret: each adds its
own, and drops what has ended and what goes beyond MAX_CAS.
"""

from base64 import b64decode, b64encode
from dataclasses import dataclass
from datetime import datetime, timedelta

from linkerd_kube import JsonObject
from linkerd_runtime import pki

SERVICES = ("tap", "tap-injector")
"""The Services that lead to our listeners."""
MAX_CAS = 8
_SKEW = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Serving:
    """PEM texts. Renewed when a third of its life is left."""

    chain: str
    key: str
    ca: str
    renew_at: datetime


def make_serving(namespace: str, life: timedelta, now: datetime) -> Serving:
    """A new CA and its leaf for our Services in `namespace`."""
    validity = pki.Validity((now - _SKEW).replace(microsecond=0), (now + life).replace(microsecond=0))
    authority = pki.make_ca(f"ca.tap.{namespace}.svc", validity, path_length=0)
    key = pki.new_key()
    hosts = [f"{service}.{namespace}.svc" for service in SERVICES]
    leaf = pki.make_leaf(authority, key.public_key(), hosts[0], hosts, validity)
    return Serving(pki.pem(leaf), pki.private_pem(key), authority.certificate_pem, now + life * 2 / 3)


def merged(bundle: object, ca: str, now: datetime) -> str:
    """The caBundle (base64, as it stands) with our CA in it; the same where it is. What cannot be read goes."""
    ours = pki.read_certificates(ca)
    try:
        there = pki.read_certificates(b64decode(str(bundle or ""), validate=True).decode())
    except ValueError:
        there = []
    if ours[0] in there:
        return str(bundle)
    kept = [c for c in there if c.not_valid_after_utc > now]
    kept.sort(key=lambda c: c.not_valid_before_utc)
    return b64encode(pki.pem(*kept[-(MAX_CAS - 1) :], *ours).encode()).decode()


def bundle_patch(obj: JsonObject, namespace: str, ca: str, now: datetime) -> list[JsonObject]:
    """The JSON patch that has an APIService, or the webhooks of a configuration, trust `ca` too; empty where they do.

    Guarded by what it was computed from: another process's change meanwhile makes it fail, and it is computed again.
    """
    version = (obj.get("metadata") or {}).get("resourceVersion")
    patch: list[JsonObject] = []
    for path, client in _clients(obj):
        service = client.get("service") or {}
        if service.get("namespace") != namespace or service.get("name") not in SERVICES:
            continue
        before = client.get("caBundle")
        after = merged(before, ca, now)
        if after != before:
            # What is not there cannot be tested for; the object's version can.
            at, value = (f"{path}/caBundle", before) if before else ("/metadata/resourceVersion", version)
            patch.append({"op": "test", "path": at, "value": value})
            patch.append({"op": "add", "path": f"{path}/caBundle", "value": after})
    return patch


def _clients(obj: JsonObject) -> list[tuple[str, JsonObject]]:
    """Path and object that have a service and a caBundle."""
    if "webhooks" in obj:
        webhooks = obj["webhooks"] or []
        return [(f"/webhooks/{i}/clientConfig", w.get("clientConfig") or {}) for i, w in enumerate(webhooks)]
    return [("/spec", obj.get("spec") or {})]
