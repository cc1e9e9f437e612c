"""Who asks: static tokens of administrator and components, and ServiceAccount tokens, checked against the store."""

import secrets
import time
from collections.abc import Mapping
from typing import Any

from linkerd_sandbox.apiserver import claims, status
from linkerd_sandbox.apiserver.claims import BadClaims, Subject
from linkerd_sandbox.apiserver.identity import ANONYMOUS, AUTHENTICATED, MASTERS, User, service_account
from linkerd_sandbox.apiserver.objects import JsonObject, dig, encode
from linkerd_sandbox.apiserver.store import Store
from linkerd_sandbox.apiserver.tokens import Signer

API_AUDIENCE = claims.ISSUER


def _named(certificate: Mapping[str, Any]) -> User | None:
    """The common name is the user's, organizations are groups; None where there is no name."""
    fields = [field for part in certificate.get("subject", ()) for field in part]
    name = next((value for key, value in fields if key == "commonName"), "")
    groups = (value for key, value in fields if key == "organizationName")
    return User(name, tuple(dict.fromkeys((*groups, AUTHENTICATED)))) if name else None


class Authenticator:
    """Turns credentials into users."""

    def __init__(self, store: Store, signer: Signer) -> None:
        self._store = store
        self.signer = signer
        self._static: dict[str, User] = {}

    def issue_static(self, name: str) -> str:
        """A new bearer token of an administrator of that name, good until the server ends."""
        token = secrets.token_urlsafe(32)
        self._static[token] = User(name, (MASTERS, AUTHENTICATED))
        return token

    def user(self, header: str, certificate: Mapping[str, Any] | None) -> User:
        """The user of a client's verified certificate (as `SSLSocket.getpeercert` gives it), or of a header.

        Raises `StatusError` 401 for credentials that are not good.
        """
        if certificate and (named := _named(certificate)):
            return named
        if not header:
            return ANONYMOUS
        scheme, _, token = header.partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise status.unauthorized()
        known = self._static.get(token.strip())
        if known is not None:
            return known
        try:
            user, _ = self.service_account(token.strip(), [API_AUDIENCE])
        except BadClaims as error:
            raise status.unauthorized() from error
        return user

    def service_account(self, token: str, audiences: list[str]) -> tuple[User, list[str]]:
        """The user of a ServiceAccount token and the audiences that match. Raises `BadClaims`."""
        raw = self.signer.verify(token)
        subject, given = claims.read(raw, time.time())
        matching = [audience for audience in audiences if audience in given]
        if not matching:
            shown, wanted = encode(given).decode(), encode(audiences).decode()
            raise BadClaims(f"token audiences {shown} is invalid for the target audiences {wanted}")
        self._check_alive(subject)
        extra = {"authentication.kubernetes.io/credential-id": [f"JTI={raw.get('jti')}"]}
        if subject.pod:
            extra["authentication.kubernetes.io/pod-name"] = [subject.pod]
            extra["authentication.kubernetes.io/pod-uid"] = [subject.pod_uid]
        return service_account(subject.namespace, subject.name, subject.uid, extra), matching

    def _check_alive(self, subject: Subject) -> None:
        """A token dies with its ServiceAccount, and with its pod."""
        account = self._store.get("serviceaccounts", subject.namespace, subject.name)
        if account is None or dig(account.body, "metadata", "uid") != subject.uid:
            raise BadClaims("service account not found, or not the one that the token was made for")
        if subject.pod:
            pod = self._store.get("pods", subject.namespace, subject.pod)
            if pod is None or dig(pod.body, "metadata", "uid") != subject.pod_uid:
                raise BadClaims("the pod that the token is bound to is gone")

    def openid(self, path: str) -> JsonObject:
        """Discovery of the token issuer."""
        if path.endswith("/jwks"):
            return self.signer.jwks()
        return {
            "issuer": claims.ISSUER,
            "jwks_uri": f"{claims.ISSUER}/openid/v1/jwks",
            "response_types_supported": ["id_token"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["ES256"],
        }
