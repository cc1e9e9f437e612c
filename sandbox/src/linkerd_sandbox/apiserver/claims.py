"""Claims of ServiceAccount tokens: what they say, and whether they still hold. PURE (signing is in `tokens`).

As k8s.io/kubernetes/pkg/serviceaccount/claims.go: `kubernetes.io` holds namespace, serviceaccount and the bound pod.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from linkerd_sandbox.apiserver.identity import SERVICE_ACCOUNT_PREFIX
from linkerd_sandbox.apiserver.objects import JsonObject, dig, dig_list, dig_map

ISSUER = "https://kubernetes.default.svc.cluster.local"
LEEWAY_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Subject:
    """The ServiceAccount, and the pod that a token is bound to."""

    namespace: str
    name: str
    uid: str
    pod: str = ""
    pod_uid: str = ""


NO_TOKEN = "invalid bearer token"
"""Why something is no token of this cluster at all."""


class BadClaims(Exception):
    """The token is not good (any more); the text says why."""


def make(subject: Subject, audiences: Sequence[str], now: int, seconds: int, token_id: str) -> JsonObject:
    """Claims of a new token that lives for `seconds` from `now` (unix seconds)."""
    bound: JsonObject = {
        "namespace": subject.namespace,
        "serviceaccount": {"name": subject.name, "uid": subject.uid},
    }
    if subject.pod:
        bound["pod"] = {"name": subject.pod, "uid": subject.pod_uid}
    return {
        "aud": list(audiences),
        "exp": now + seconds,
        "iat": now,
        "iss": ISSUER,
        "jti": token_id,
        "kubernetes.io": bound,
        "nbf": now,
        "sub": f"{SERVICE_ACCOUNT_PREFIX}{subject.namespace}:{subject.name}",
    }


def read(claims: JsonObject, now: float) -> tuple[Subject, list[str]]:
    """The subject and audiences of claims that hold at `now`. Raises `BadClaims`."""
    if claims.get("iss") != ISSUER:
        raise BadClaims(f"unknown issuer {claims.get('iss')!r}")
    expires, begins = claims.get("exp"), claims.get("nbf")
    if not isinstance(expires, (int, float)) or now > expires + LEEWAY_SECONDS:
        raise BadClaims("service account token has expired")
    if isinstance(begins, (int, float)) and now < begins - LEEWAY_SECONDS:
        raise BadClaims("service account token is not valid yet")
    bound = dig_map(claims, "kubernetes.io")
    subject = Subject(
        namespace=bound.get("namespace", ""),
        name=dig(bound, "serviceaccount", "name") or "",
        uid=dig(bound, "serviceaccount", "uid") or "",
        pod=dig(bound, "pod", "name") or "",
        pod_uid=dig(bound, "pod", "uid") or "",
    )
    if claims.get("sub") != f"{SERVICE_ACCOUNT_PREFIX}{subject.namespace}:{subject.name}":
        raise BadClaims("the subject does not match the private claims")
    return subject, [str(audience) for audience in dig_list(claims, "aud")]
