"""The verbs on resources: get, list, watch, create, update, patch, delete; and the way to subresources."""

import asyncio
import base64
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import cast, get_args

import msgspec
import yaml
from aiohttp import web

from linkerd_sandbox.apiserver import (
    lifecycle,
    negotiate,
    patch,
    protobuf,
    selectors,
    status,
    strategic,
    watch,
)
from linkerd_sandbox.apiserver.applying import Applying
from linkerd_sandbox.apiserver.call import Call, FieldValidation
from linkerd_sandbox.apiserver.decoding import Patched
from linkerd_sandbox.apiserver.identity import User
from linkerd_sandbox.apiserver.kinds import ResourceType, not_selectable, selectable
from linkerd_sandbox.apiserver.objects import JsonObject, decode, encode
from linkerd_sandbox.apiserver.represent import FORMS, Representation, view
from linkerd_sandbox.apiserver.requests import RequestInfo, number, truthy
from linkerd_sandbox.apiserver.resources import Resources
from linkerd_sandbox.apiserver.schemas import of_kind
from linkerd_sandbox.apiserver.store import Stored

JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"
STRATEGIC_PATCH = "application/strategic-merge-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"
_OPTIONS = {"POST": "CreateOptions", "PUT": "UpdateOptions", "PATCH": "PatchOptions"}
_FIELD_VALIDATION = get_args(FieldValidation)

Subresource = Callable[[web.BaseRequest, RequestInfo, ResourceType, Call], Awaitable[web.StreamResponse]]


class Endpoints:
    """Answers requests for resources."""

    def __init__(self, resources: Resources, stopping: asyncio.Event) -> None:
        self.resources = resources
        self._applying = Applying(resources)
        self._stopping = stopping
        self.subresources: dict[tuple[str, str], Subresource] = {}
        """(plural, subresource) -> handler; plural `*` for every kind that has it."""
        self.virtual: dict[str, Subresource] = {}
        """Qualified name -> handler of kinds that are created and answered, never stored."""

    async def handle(self, request: web.BaseRequest, info: RequestInfo, user: User) -> web.StreamResponse:
        """Answer a request that authorization has let through. Raises `StatusError`."""
        kind = self.resources.registry.find(info.group, info.version, info.resource)
        if kind is None:
            raise status.no_such_path()
        one = info.verb not in ("list", "watch", "deletecollection")
        if kind.namespaced and not info.namespace and one:
            raise status.no_such_path() if info.name else status.method_not_allowed(kind.qualified)
        call = self._call(request, user)
        return await self._route(request, info, kind, call)

    async def _route(
        self, request: web.BaseRequest, info: RequestInfo, kind: ResourceType, call: Call
    ) -> web.StreamResponse:
        if info.subresource:
            handler = self.subresources.get((kind.plural, info.subresource)) or self.subresources.get(
                ("*", info.subresource)
            )
            if handler is not None and info.subresource in (*kind.subresources, "proxy"):
                return await handler(request, info, kind, call)
            if info.subresource != "status" or "status" not in kind.subresources:
                raise status.no_such_path()
        if not kind.listable:
            if info.verb != "create":
                raise status.method_not_allowed(kind.qualified)
            return await self.virtual[kind.qualified](request, info, kind, call)
        if info.verb == "create" and "create" not in kind.verbs:
            raise status.not_implemented(kind.qualified)
        match info.verb:
            case "get":
                return self._get(request, info, kind)
            case "list":
                return self._list(request, info, kind)
            case "watch":
                scope = self._scope(request.query, info, kind)
                shown = self.representation(request, kind)
                return await watch.serve(request, self.resources.store, scope, shown, self._stopping)
            case "create" if not info.name:
                body = await read_body(request)
                created = await self.resources.create(call, kind, info.namespace, body)
                return self.answer(request, kind, created, call, 201)
            case "update":
                body = await read_body(request)
                args = (call, kind, info.namespace, info.name, body, info.subresource)
                return self.answer(request, kind, await self.resources.update(*args), call)
            case "patch" if info.name:
                return await self._patch(request, info, kind, call)
            case "delete":
                return await self._delete(request, info, kind, call)
            case "deletecollection" if "deletecollection" in kind.verbs:
                return await self._delete_collection(request, info, kind, call)
            case _:
                raise status.method_not_allowed(kind.qualified)

    @staticmethod
    def _call(request: web.BaseRequest, user: User) -> Call:
        query = request.query
        validation = query.get("fieldValidation") or "Warn"
        if validation not in _FIELD_VALIDATION:
            raise status.bad_request(
                f'fieldValidation: Unsupported value: "{validation}": supported values: "Ignore", "Strict", "Warn"'
            )
        dry_run = query.getall("dryRun", [])
        if causes := lifecycle.dry_run_causes(dry_run):
            options = _OPTIONS.get(request.method, "DeleteOptions")
            raise status.invalid(options, "meta.k8s.io", "", causes)
        agent = request.headers.get("User-Agent", "").partition("/")[0]
        return Call(user, bool(dry_run), cast(FieldValidation, validation), query.get("fieldManager", ""), agent)

    @staticmethod
    def representation(request: web.BaseRequest, kind: ResourceType) -> Representation:
        """How this request wants its objects. Raises `StatusError` 406."""
        form = negotiate.accepted(request.headers.get("Accept", ""), FORMS)
        if form is None:
            message = "only the following media types are accepted: application/json"
            raise status.StatusError(406, "NotAcceptable", message)
        return Representation(kind, form, request.query.get("includeObject", ""), time.time())

    def answer(
        self, request: web.BaseRequest, kind: ResourceType, body: JsonObject, call: Call, code: int = 200
    ) -> web.Response:
        """An object, with the warnings that the call collected."""
        form = negotiate.accepted(request.headers.get("Accept", ""), FORMS)
        if form is None or body.get("kind") == "Status":
            form = negotiate.Accepted("object")
        shown = (
            Representation(kind, form, request.query.get("includeObject", ""), time.time()).body(body)
            if body.get("kind") == kind.kind
            else encode(body)
        )
        return with_warnings(web.Response(body=shown, status=code, content_type=negotiate.JSON), call)

    def _get(self, request: web.BaseRequest, info: RequestInfo, kind: ResourceType) -> web.Response:
        stored = self.resources.get(kind, info.namespace, info.name)
        return web.Response(body=self.representation(request, kind).one(stored), content_type=negotiate.JSON)

    @staticmethod
    def _scope(query: Mapping[str, str], info: RequestInfo, kind: ResourceType) -> watch.Scope:
        known = selectable(kind)
        fields = selectors.parse_fields(query.get("fieldSelector", ""), known, lambda path: not_selectable(kind, path))
        labels = selectors.parse_labels(query.get("labelSelector", ""))
        return watch.Scope(kind.qualified, info.namespace or None if kind.namespaced else None, labels, fields)

    def _list(self, request: web.BaseRequest, info: RequestInfo, kind: ResourceType) -> web.Response:
        query = request.query
        scope = self._scope(query, info, kind)
        store = self.resources.store
        found = [item for item in store.scan(scope.bucket, scope.namespace) if scope.matches(item)]
        revision, start = store.revision, None
        if query.get("continue"):
            revision, start = _continue_key(query["continue"], store.oldest())
            found = [item for item in found if item.key > start]
        watch.requested(query)  # a list is always the newest, but a revision that is none is still a mistake
        limit = max(number(query, "limit") or 0, 0)
        meta: JsonObject = {"resourceVersion": str(revision)}
        if limit and len(found) > limit:
            meta["continue"] = _continue_token(revision, found[limit - 1])
            if not scope.labels and not scope.fields:
                meta["remainingItemCount"] = len(found) - limit
            found = found[:limit]
        body = self.representation(request, kind).list(found, meta)
        return web.Response(body=body, content_type=negotiate.JSON)

    async def _patch(self, request: web.BaseRequest, info: RequestInfo, kind: ResourceType, call: Call) -> web.Response:
        if request.content_type == APPLY_PATCH:
            force = truthy(request.query.get("force", "false"))
            code, body = await self._applying.apply(call, kind, info, _parse(await request.read(), "yaml"), force=force)
            return self.answer(request, kind, body, call, code)
        how = await self.patcher(request, kind)
        decoder = self.resources.decoder

        def change(old: JsonObject) -> JsonObject:
            return decoder.patched(call, kind, how(view(kind, old)))

        changed = await self.resources.change(call, kind, info.namespace, info.name, change, info.subresource)
        return self.answer(request, kind, changed, call)

    async def patcher(self, request: web.BaseRequest, kind: ResourceType) -> Callable[[JsonObject], Patched]:
        """The function that the request's patch is. Raises `StatusError` 400 or 415."""
        media = request.content_type
        served = [JSON_PATCH, MERGE_PATCH] + ([] if kind.custom else [STRATEGIC_PATCH]) + [APPLY_PATCH]
        if media not in served:
            raise status.unsupported_media(served)
        body = _parse(await request.read(), media)
        if media == APPLY_PATCH:
            raise status.not_implemented("server-side apply of this subresource")
        if media == JSON_PATCH:
            return lambda old: Patched(cast(JsonObject, patch.apply_json_patch(old, body)))
        if not isinstance(body, dict):
            what = {list: "array", str: "string", bool: "bool"}.get(type(body), "number")
            why = f"json: cannot unmarshal {what} into Go value of type map[string]interface {{}}"
            raise status.bad_request(f"error decoding patch: {why}")
        if media == MERGE_PATCH:
            return lambda old: Patched(cast(JsonObject, patch.merge(old, body)))
        node = of_kind(kind.group, kind.version, kind.kind)
        return lambda old: Patched(strategic.apply(old, body, node), body)

    async def _delete(
        self, request: web.BaseRequest, info: RequestInfo, kind: ResourceType, call: Call
    ) -> web.Response:
        options = await delete_options(request)
        call.dry_run = call.dry_run or options.get("dryRun") == ["All"]
        code, body = await self.resources.delete(call, kind, info.namespace, info.name, options)
        return self.answer(request, kind, body, call, code)

    async def _delete_collection(
        self, request: web.BaseRequest, info: RequestInfo, kind: ResourceType, call: Call
    ) -> web.Response:
        options = await delete_options(request)
        scope = self._scope(request.query, info, kind)
        found = [item for item in self.resources.store.scan(scope.bucket, scope.namespace) if scope.matches(item)]
        for item in found:
            try:
                await self.resources.delete(call, kind, *item.key, options)
            except status.StatusError as error:
                if error.code != 404:
                    raise
        return web.Response(
            body=self.representation(request, kind).list(
                found, {"resourceVersion": str(self.resources.store.revision)}
            ),
            content_type=negotiate.JSON,
        )


def with_warnings(response: web.Response, call: Call) -> web.Response:
    """The response with RFC 7234 Warning headers, which kubectl prints."""
    for text in call.warnings:
        escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ")
        response.headers.add("Warning", f'299 - "{escaped}"')
    return response


def _continue_token(revision: int, last: Stored) -> str:
    return base64.urlsafe_b64encode(encode({"v": "sandbox/v1", "rv": revision, "start": list(last.key)})).decode()


def _continue_key(token: str, oldest: int) -> tuple[int, tuple[str, str]]:
    try:
        value = decode(base64.urlsafe_b64decode(token))
        revision, (namespace, name) = int(value["rv"]), value["start"]
    except (ValueError, KeyError, TypeError, msgspec.DecodeError) as error:
        raise status.bad_request("invalid continue token: continue key is not valid") from error
    if revision < oldest:
        raise status.continue_expired()
    return revision, (str(namespace), str(name))


def _parse(raw: bytes, media: str) -> object:
    try:
        if "yaml" in media:
            return yaml.safe_load(raw)
        return msgspec.json.decode(raw)
    except (msgspec.DecodeError, yaml.YAMLError) as error:
        raise status.bad_request(f"error decoding the body: {error}") from error


async def read_body(request: web.BaseRequest) -> JsonObject:
    """The object in a request's body: JSON, YAML or protobuf. Raises `StatusError` 400 or 415."""
    media = request.content_type
    if media == protobuf.MEDIA:
        return protobuf.read(await request.read())
    if media not in (negotiate.JSON, "application/yaml", "application/octet-stream"):
        raise status.unsupported_media((negotiate.JSON, "application/yaml", protobuf.MEDIA))
    body = _parse(await request.read(), media)
    if not isinstance(body, dict):
        raise status.bad_request("couldn't get version/kind; json parse error: the body is not an object")
    return body


async def delete_options(request: web.BaseRequest) -> JsonObject:
    """`DeleteOptions` of body and query."""
    options: JsonObject = {}
    if request.can_read_body and request.content_type == protobuf.MEDIA:
        options = protobuf.read(await request.read())
    elif request.can_read_body and request.content_type in (negotiate.JSON, "application/octet-stream"):
        raw = await request.read()
        parsed = _parse(raw, negotiate.JSON) if raw.strip() else {}
        options = dict(parsed) if isinstance(parsed, dict) else {}
    query = request.query
    if "propagationPolicy" in query:
        options["propagationPolicy"] = query["propagationPolicy"]
    grace = number(query, "gracePeriodSeconds")
    if grace is not None:
        options["gracePeriodSeconds"] = grace
    return options
