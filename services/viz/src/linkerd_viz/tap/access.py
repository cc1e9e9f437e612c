"""Who asks, and whether they may: the API server's front proxy vouches for the user, RBAC decides.

Source: Kubernetes, "Configure the Aggregation Layer" (request-header authentication), SubjectAccessReview.
"""

from collections.abc import Set
from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import unquote

from aiohttp import web

from linkerd_contract.viz import TAP_GROUP, TAP_VERSION
from linkerd_kube import JsonObject, KubeClient
from linkerd_kube.resources import SUBJECT_ACCESS_REVIEWS

_EXTRA = "x-remote-extra-"


class Refused(Exception):
    """401 or 403; the message says why."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class User:
    """As the API server has authenticated them."""

    name: str
    groups: list[str] = field(default_factory=list)
    extra: dict[str, list[str]] = field(default_factory=dict)


class Reviewer(Protocol):
    """Asks whether a user may."""

    async def __call__(self, user: User, resource: str, namespace: str, name: str, subresource: str) -> bool:
        """Raises ApiError."""


def user_of(request: web.Request, allowed_names: Set[str]) -> User:
    """Raises Refused where the request does not come from the API server's front proxy."""
    transport = request.transport
    certificate = transport.get_extra_info("peercert") if transport is not None else None
    if not certificate:
        raise Refused(401, "only the Kubernetes API server may ask here, with the certificate of its front proxy")
    names = {value for part in certificate.get("subject", ()) for key, value in part if key == "commonName"}
    if allowed_names and not names & allowed_names:
        raise Refused(401, f"{', '.join(sorted(names)) or 'a certificate without a name'} may not speak for users")
    user = request.headers.get("X-Remote-User")
    if not user:
        raise Refused(401, "the request says of no user that they ask")
    extra: dict[str, list[str]] = {}
    for key, value in request.headers.items():
        if key.lower().startswith(_EXTRA):
            extra.setdefault(unquote(key[len(_EXTRA) :]).lower(), []).append(value)
    return User(user, request.headers.getall("X-Remote-Group", []), extra)


def reviewer(client: KubeClient) -> Reviewer:
    """Of the cluster's own authorization."""

    async def allowed(user: User, resource: str, namespace: str, name: str, subresource: str) -> bool:
        attributes = {
            "verb": "watch",
            "group": TAP_GROUP,
            "version": TAP_VERSION,
            "resource": resource,
            "subresource": subresource,
            "namespace": namespace,
            "name": name,
        }
        spec: JsonObject = {"user": user.name, "groups": user.groups, "extra": user.extra}
        body: JsonObject = {
            "apiVersion": SUBJECT_ACCESS_REVIEWS.api_version,
            "kind": SUBJECT_ACCESS_REVIEWS.kind,
            "spec": {**spec, "resourceAttributes": attributes},
        }
        answer = await client.create(SUBJECT_ACCESS_REVIEWS.path(), body)
        return (answer.get("status") or {}).get("allowed") is True

    return allowed
