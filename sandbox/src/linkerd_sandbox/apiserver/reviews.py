"""Kinds that are answered and never stored: TokenReview, the SubjectAccessReviews, SelfSubjectReview."""

from aiohttp import web

from linkerd_sandbox.apiserver import negotiate, rbac, status
from linkerd_sandbox.apiserver.authentication import API_AUDIENCE, Authenticator
from linkerd_sandbox.apiserver.authorization import Authorizer
from linkerd_sandbox.apiserver.call import Call
from linkerd_sandbox.apiserver.claims import NO_TOKEN, BadClaims
from linkerd_sandbox.apiserver.endpoints import Subresource, read_body
from linkerd_sandbox.apiserver.identity import MASTERS, User
from linkerd_sandbox.apiserver.kinds import ResourceType
from linkerd_sandbox.apiserver.objects import JsonObject, dig, dig_list, dig_map, encode
from linkerd_sandbox.apiserver.requests import RequestInfo
from linkerd_sandbox.apiserver.status import Cause
from linkerd_sandbox.apiserver.store import Store


def _refusal(why: str) -> str:
    """As the two authenticators of Kubernetes say it: the one of other tokens, then that of ServiceAccounts'."""
    return why if why == NO_TOKEN else f"[{NO_TOKEN}, {why}]"


def _answer(kind: ResourceType, body: JsonObject, answer: JsonObject) -> web.Response:
    meta = {"creationTimestamp": None, **dig_map(body, "metadata")}
    shown: JsonObject = {"kind": kind.kind, "apiVersion": kind.api_version, "metadata": meta}
    if "spec" in body:
        shown["spec"] = body["spec"]
    return web.Response(body=encode({**shown, "status": answer}), status=201, content_type=negotiate.JSON)


class Reviews:
    """Answers reviews."""

    def __init__(self, authenticator: Authenticator, authorizer: Authorizer, store: Store) -> None:
        self._authenticator = authenticator
        self._authorizer = authorizer
        self._store = store

    def handlers(self) -> dict[str, Subresource]:
        """By qualified name."""
        return {
            "tokenreviews.authentication.k8s.io": self._token,
            "selfsubjectreviews.authentication.k8s.io": self._who,
            "subjectaccessreviews.authorization.k8s.io": self._access,
            "localsubjectaccessreviews.authorization.k8s.io": self._access,
            "selfsubjectaccessreviews.authorization.k8s.io": self._self_access,
            "selfsubjectrulesreviews.authorization.k8s.io": self._self_rules,
        }

    async def _token(
        self, request: web.BaseRequest, info: RequestInfo, kind: ResourceType, call: Call
    ) -> web.StreamResponse:
        body = await read_body(request)
        token = dig(body, "spec", "token")
        if not token:
            raise status.bad_request("token is required for TokenReview in authentication")
        wanted = dig_list(body, "spec", "audiences") or [API_AUDIENCE]
        try:
            user, audiences = self._authenticator.service_account(token, wanted)
        except BadClaims as error:
            return _answer(kind, body, {"user": {}, "error": _refusal(str(error))})
        return _answer(kind, body, {"authenticated": True, "user": user.document(), "audiences": audiences})

    async def _who(
        self, request: web.BaseRequest, info: RequestInfo, kind: ResourceType, call: Call
    ) -> web.StreamResponse:
        body = await read_body(request)
        return _answer(kind, body, {"userInfo": call.user.document()})

    async def _access(
        self, request: web.BaseRequest, info: RequestInfo, kind: ResourceType, call: Call
    ) -> web.StreamResponse:
        body = await read_body(request)
        spec = dig_map(body, "spec")
        if not spec.get("user") and not spec.get("groups"):
            causes = [
                Cause(
                    "spec.user",
                    "FieldValueInvalid",
                    'Invalid value: "": at least one of user or group must be specified',
                )
            ]
            raise status.invalid(kind.kind, kind.group, "", causes)
        user = User(spec.get("user", ""), tuple(dig_list(spec, "groups")), spec.get("uid", ""))
        return self._decide(kind, body, user)

    async def _self_access(
        self, request: web.BaseRequest, info: RequestInfo, kind: ResourceType, call: Call
    ) -> web.StreamResponse:
        return self._decide(kind, await read_body(request), call.user)

    def _decide(self, kind: ResourceType, body: JsonObject, user: User) -> web.Response:
        asked = dig(body, "spec", "resourceAttributes")
        path = dig(body, "spec", "nonResourceAttributes")
        if (asked is None) == (path is None):
            why = 'Invalid value: "null": exactly one of nonResourceAttributes or resourceAttributes must be specified'
            causes = [Cause("spec.resourceAttributes", "FieldValueInvalid", why)]
            raise status.invalid(kind.kind, kind.group, "", causes)
        if path is not None:
            info = RequestInfo(path.get("verb", ""), path.get("path", ""))
        else:
            info = RequestInfo(
                asked.get("verb", ""),
                "",
                True,
                asked.get("group", ""),
                asked.get("version", ""),
                asked.get("resource", ""),
                asked.get("namespace", ""),
                asked.get("name", ""),
                asked.get("subresource", ""),
            )
        allowed = self._authorizer.allows(user, info)
        return _answer(kind, body, {"allowed": allowed} if allowed else {"allowed": False, "reason": ""})

    async def _self_rules(
        self, request: web.BaseRequest, info: RequestInfo, kind: ResourceType, call: Call
    ) -> web.StreamResponse:
        body = await read_body(request)
        namespace = dig(body, "spec", "namespace") or ""
        rules = list(rbac.rules_for(self._store, call.user, namespace))
        if MASTERS in call.user.groups:
            rules.append({"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]})
        answer = {
            "resourceRules": [rule for rule in rules if rule.get("resources")],
            "nonResourceRules": [rule for rule in rules if rule.get("nonResourceURLs")],
            "incomplete": False,
        }
        return _answer(kind, body, answer)
