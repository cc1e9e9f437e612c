"""Who sent a token: the API server's answer to a TokenReview with our audience.

Tokens for another audience are refused, also where the API server ignores audiences (its answer then names none).
"""

from dataclasses import dataclass

from linkerd_contract.identity import TOKEN_AUDIENCE
from linkerd_contract.names import identity_name
from linkerd_kube import ApiError, JsonObject, KubeClient
from linkerd_kube.resources import TOKEN_REVIEWS

_PREFIX = "system:serviceaccount:"
_POD_UID = "authentication.kubernetes.io/pod-uid"


@dataclass(frozen=True, slots=True)
class Account:
    """The ServiceAccount that a token belongs to, and the pod that it is bound to ("" without one)."""

    namespace: str
    name: str
    uid: str = ""
    pod_uid: str = ""

    def identity(self, control_plane_namespace: str, trust_domain: str) -> str:
        """The one name that it may have a certificate for."""
        return identity_name(self.name, self.namespace, control_plane_namespace, trust_domain)


class TokenRefused(Exception):
    """The API server says that the token is no good, or not for us."""


class ReviewFailed(Exception):
    """The API server could not be asked."""


async def review(client: KubeClient, token: str) -> Account:
    """Ask the API server. Raises TokenRefused, ReviewFailed."""
    body: JsonObject = {
        "apiVersion": "authentication.k8s.io/v1",
        "kind": "TokenReview",
        "spec": {"token": token, "audiences": [TOKEN_AUDIENCE]},
    }
    try:
        answer = await client.create(TOKEN_REVIEWS.path(), body)
    except ApiError as error:
        raise ReviewFailed(f"the token review failed: {error}") from error
    return account_of(answer)


def account_of(answer: JsonObject) -> Account:
    """Read a TokenReview's status. Raises TokenRefused."""
    status = answer.get("status")
    if not isinstance(status, dict) or status.get("authenticated") is not True:
        raise TokenRefused("the token is not valid")
    if TOKEN_AUDIENCE not in (status.get("audiences") or []):
        raise TokenRefused(f"the token is not for the audience {TOKEN_AUDIENCE}")
    user: JsonObject = status.get("user") or {}
    username = str(user.get("username", ""))
    namespace, colon, name = username.removeprefix(_PREFIX).partition(":")
    if not username.startswith(_PREFIX) or not colon or not namespace or not name:
        raise TokenRefused("the token does not belong to a ServiceAccount")
    pods = (user.get("extra") or {}).get(_POD_UID) or [""]
    return Account(namespace, name, str(user.get("uid", "")), str(pods[0]))
