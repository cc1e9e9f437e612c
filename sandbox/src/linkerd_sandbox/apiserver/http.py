"""The HTTP face: who asks, whether they may, which room answers, and errors as `Status` objects."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import NamedTuple

import msgspec
from aiohttp import web

from linkerd_sandbox.apiserver import discovery, negotiate, openapi, status
from linkerd_sandbox.apiserver.aggregation import Aggregation
from linkerd_sandbox.apiserver.authentication import Authenticator
from linkerd_sandbox.apiserver.authorization import Authorizer
from linkerd_sandbox.apiserver.endpoints import Endpoints
from linkerd_sandbox.apiserver.identity import ANONYMOUS, MASTERS, User
from linkerd_sandbox.apiserver.objects import JsonObject, encode
from linkerd_sandbox.apiserver.requests import RequestInfo, parse
from linkerd_sandbox.apiserver.status import StatusError

log = logging.getLogger(__name__)

LARGEST_BODY = 3 << 20
"""Bytes of a request's body, as k8s.io/apiserver/pkg/server/config.go."""

Handler = Callable[[web.BaseRequest, RequestInfo, User], Awaitable[web.StreamResponse]]


def json_response(body: JsonObject, code: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    """A JSON answer."""
    return web.Response(body=encode(body), status=code, content_type=negotiate.JSON, headers=headers)


class Access(NamedTuple):
    """Who asks, and whether they may."""

    authenticator: Authenticator
    authorizer: Authorizer


class HttpApi:
    """Answers every request."""

    def __init__(
        self,
        access: Access,
        endpoints: Endpoints,
        aggregation: Aggregation,
        address: str,
    ) -> None:
        self._registry = endpoints.resources.registry
        self._authenticator, self._authorizer = access
        self._endpoints = endpoints
        self._aggregation = aggregation
        self._address = address
        self.ready = asyncio.Event()

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """One request, from credentials to answer."""
        try:
            certificate = request.get_extra_info("peercert")
            asker = self._authenticator.user(request.headers.get("Authorization", ""), certificate)
            user = self._impersonated(request, asker)
            info = parse(request.method, request.path, request.query)
            self._authorizer.require(user, info)
            passed_on = await self._aggregation.handle(request, info, user)
            if passed_on is not None:
                return passed_on
            if info.resource_request:
                return await self._endpoints.handle(request, info, user)
            return await self._document(request, info, user)
        except StatusError as error:
            headers = {"Retry-After": str(error.retry_after)} if error.retry_after else None
            return json_response(error.body(), error.code, headers)
        except web.HTTPRequestEntityTooLarge:
            return json_response(status.entity_too_large(f"limit is {LARGEST_BODY}").body(), 413)
        except (ConnectionError, asyncio.CancelledError, web.HTTPException):
            raise
        except Exception as error:
            log.exception("%s %s", request.method, request.path)
            return json_response(status.internal(f"{type(error).__name__}: {error}").body(), 500)

    @staticmethod
    def _impersonated(request: web.BaseRequest, user: User) -> User:
        """`kubectl --as`: an administrator may act as somebody else."""
        name = request.headers.get("Impersonate-User")
        if not name:
            return user
        if MASTERS not in user.groups:
            why = f'User "{user.name}" cannot impersonate resource "users" in API group "" at the cluster scope'
            raise status.forbidden("users", name, why)
        groups = request.headers.getall("Impersonate-Group", [])
        return self_or_service_account(name, tuple(groups), request.headers.get("Impersonate-Uid", ""))

    async def _document(self, request: web.BaseRequest, info: RequestInfo, user: User) -> web.StreamResponse:
        path = info.path.rstrip("/") or "/"
        if request.method not in ("GET", "HEAD"):
            raise status.method_not_allowed(path)
        if path.startswith(("/healthz", "/livez", "/readyz")):
            return self._health(path, verbose="verbose" in request.query)
        if path == "/version":
            return json_response(discovery.VERSION)
        if path == "/":
            return json_response(
                {"paths": ["/api", "/apis", "/healthz", "/livez", "/openapi/v2", "/openapi/v3", "/readyz", "/version"]}
            )
        if path.startswith("/openapi/v3"):
            return self._openapi(path)
        if path == "/openapi/v2":
            return web.Response(body=openapi.V2_PROTOBUF, content_type=openapi.V2_CONTENT_TYPE)
        if path in ("/.well-known/openid-configuration", "/openid/v1/jwks"):
            return json_response(self._authenticator.openid(path))
        return await self._discovery(request, path)

    def _health(self, path: str, *, verbose: bool) -> web.Response:
        ready = self.ready.is_set() or not path.startswith("/readyz")
        if not ready:
            return web.Response(status=500, text="[-]poststarthook/bootstrap failed: not finished\nreadyz check failed")
        name = path.strip("/").partition("/")[0]
        return web.Response(
            text=f"[+]ping ok\n[+]poststarthook/bootstrap ok\n{name} check passed\n" if verbose else "ok"
        )

    def _openapi(self, path: str) -> web.Response:
        parts = path.removeprefix("/openapi/v3").strip("/").split("/")
        match parts:
            case [""]:
                return json_response(openapi.index(self._registry))
            case ["api", version]:
                found = openapi.document(self._registry, "", version)
            case ["apis", group, version]:
                found = openapi.document(self._registry, group, version)
            case _:
                found = None
        if found is None:
            raise status.no_such_path()
        return json_response(found)

    async def _discovery(self, request: web.BaseRequest, path: str) -> web.Response:
        parts = path.strip("/").split("/")
        if parts in (["api"], ["apis"]):
            offered = ((negotiate.AGGREGATED, "v2"), (negotiate.AGGREGATED, "v2beta1"))
            form = negotiate.accepted(request.headers.get("Accept", ""), offered)
            core = parts == ["api"]
            if form is not None and form.form == negotiate.AGGREGATED:
                body = discovery.aggregated(self._registry, core=core, version=form.version)
                if not core:
                    body["items"] += await self._aggregation.groups()
                kind = f"application/json;g=apidiscovery.k8s.io;v={form.version};as=APIGroupDiscoveryList"
                return web.Response(body=encode(body), headers={"Content-Type": kind, "Vary": "Accept"})
            if core:
                return json_response(discovery.api_versions(self._address))
            listed = discovery.group_list(self._registry)
            listed["groups"] += self._aggregation.group_documents()
            return json_response(listed)
        match parts:
            case ["api", version]:
                found = discovery.resource_list(self._registry, "", version)
            case ["apis", group]:
                others = (one for one in self._aggregation.group_documents() if one["name"] == group)
                found = discovery.group_document(self._registry, group) or next(others, None)
            case ["apis", group, version]:
                found = discovery.resource_list(self._registry, group, version)
            case _:
                found = None
        if found is None:
            raise status.no_such_path()
        return json_response(found)


def self_or_service_account(name: str, groups: tuple[str, ...], uid: str) -> User:
    """The user that is impersonated; a ServiceAccount's name brings its groups along."""
    parts = name.split(":")
    if not groups and len(parts) == 4 and parts[:2] == ["system", "serviceaccount"]:
        groups = ("system:serviceaccounts", f"system:serviceaccounts:{parts[2]}")
    if name == ANONYMOUS.name:
        return User(name, tuple(dict.fromkeys((*groups, *ANONYMOUS.groups))), uid)
    if "system:authenticated" not in groups:
        groups = (*groups, "system:authenticated")
    return User(name, groups, uid)


def parse_json(raw: bytes) -> object:
    """The value of a JSON body. Raises `StatusError` 400."""
    try:
        return msgspec.json.decode(raw)
    except msgspec.DecodeError as error:
        raise status.bad_request(
            f"the object provided is unrecognized: couldn't get version/kind; json parse error: {error}"
        ) from error
