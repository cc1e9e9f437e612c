"""Subresources of stored kinds: scale, token, binding, eviction, finalize, ephemeral containers, streams of pods."""

import asyncio
import time
import uuid
from collections.abc import Callable

from aiohttp import web

from linkerd_sandbox.apiserver import claims, negotiate, signing, status
from linkerd_sandbox.apiserver.authentication import API_AUDIENCE, Authenticator
from linkerd_sandbox.apiserver.call import Call
from linkerd_sandbox.apiserver.endpoints import Endpoints, Subresource, read_body, with_warnings
from linkerd_sandbox.apiserver.eviction import Eviction
from linkerd_sandbox.apiserver.kinds import SCALE, ResourceType
from linkerd_sandbox.apiserver.lifecycle import RECREATED
from linkerd_sandbox.apiserver.node import NodeBackend
from linkerd_sandbox.apiserver.objects import JsonObject, copy, dig, dig_list, dig_map, encode, metadata
from linkerd_sandbox.apiserver.podstreams import PodStreams
from linkerd_sandbox.apiserver.requests import RequestInfo
from linkerd_sandbox.apiserver.resources import stamp
from linkerd_sandbox.apiserver.scales import as_scale, with_replicas

_TOKEN_SECONDS = 3600
_SHORTEST_TOKEN, _LONGEST_TOKEN = 600, 1 << 32


def _json(body: JsonObject, code: int, call: Call) -> web.Response:
    return with_warnings(web.Response(body=encode(body), status=code, content_type=negotiate.JSON), call)


class Subresources:
    """Answers requests for subresources other than status."""

    def __init__(
        self, endpoints: Endpoints, authenticator: Authenticator, node: NodeBackend, stopping: asyncio.Event
    ) -> None:
        self._endpoints = endpoints
        self._resources = endpoints.resources
        self._authenticator = authenticator
        self._streams = PodStreams(self._resources, node, stopping)
        self._eviction = Eviction(self._resources)

    def handlers(self) -> dict[tuple[str, str], Subresource]:
        """By plural and subresource."""
        return {
            ("*", "scale"): self._scale,
            ("namespaces", "finalize"): self._finalize,
            ("serviceaccounts", "token"): self._token,
            ("certificatesigningrequests", "approval"): self._approval,
            ("pods", "binding"): self._binding,
            ("pods", "eviction"): self._evict,
            ("pods", "log"): self._streams.log,
            ("pods", "portforward"): self._streams.port_forward,
            ("pods", "exec"): self._streams.execute,
            ("pods", "attach"): self._streams.attach,
            ("pods", "ephemeralcontainers"): self._ephemeral,
        }

    async def _ephemeral(
        self, request: web.BaseRequest, info: RequestInfo, kind: ResourceType, call: Call
    ) -> web.StreamResponse:
        """`kubectl debug`: ephemeral containers are added to a running pod, and nothing else of it changes."""
        where = (kind, info.namespace, info.name)
        if info.verb == "get":
            return self._endpoints.answer(request, kind, self._resources.get(*where).body, call)
        how = await self._change(request, info, kind)
        decoder = self._resources.decoder

        def added(old: JsonObject) -> JsonObject:
            wanted = decoder.decode(call, kind, how(copy(old)))
            changed = copy(old)
            changed["spec"]["ephemeralContainers"] = dig_list(wanted, "spec", "ephemeralContainers")
            if version := dig(wanted, "metadata", "resourceVersion"):
                metadata(changed)["resourceVersion"] = version
            return changed

        return self._endpoints.answer(
            request, kind, await self._resources.change(call, *where, added, info.subresource), call
        )

    async def _change(
        self, request: web.BaseRequest, info: RequestInfo, kind: ResourceType
    ) -> Callable[[JsonObject], JsonObject]:
        """What a PUT or PATCH makes of an object. Raises `StatusError`."""
        if info.verb == "update":
            body = await read_body(request)
            return lambda _old: body
        if info.verb != "patch":
            raise status.method_not_allowed(kind.qualified)
        patch = await self._endpoints.patcher(request, kind)
        return lambda old: patch(old).body

    async def _scale(
        self, request: web.BaseRequest, info: RequestInfo, kind: ResourceType, call: Call
    ) -> web.StreamResponse:
        where = (kind, info.namespace, info.name)
        if info.verb == "get":
            return self._shown_scale(request, as_scale(kind, self._resources.get(*where).body), call)
        change = await self._change(request, info, kind)

        def scaled(old: JsonObject) -> JsonObject:
            return with_replicas(kind, old, change(as_scale(kind, old)))

        changed = await self._resources.change(call, *where, scaled, "scale")
        return self._shown_scale(request, as_scale(kind, changed), call)

    def _shown_scale(self, request: web.BaseRequest, scale: JsonObject, call: Call) -> web.Response:
        shown = self._endpoints.representation(request, SCALE)
        return with_warnings(web.Response(body=shown.body(scale), content_type=negotiate.JSON), call)

    async def _approval(
        self, request: web.BaseRequest, info: RequestInfo, kind: ResourceType, call: Call
    ) -> web.StreamResponse:
        """`kubectl certificate approve` and `deny`: conditions are written, and nothing else."""
        where = (kind, info.namespace, info.name)
        if info.verb == "get":
            return self._endpoints.answer(request, kind, self._resources.get(*where).body, call)
        change = await self._change(request, info, kind)

        def judged(old: JsonObject) -> JsonObject:
            wanted = change(copy(old))
            new = signing.judged(copy(old), dig_list(wanted, "status", "conditions"), stamp(time.time()))
            if version := dig(wanted, "metadata", "resourceVersion"):
                metadata(new)["resourceVersion"] = version
            return new

        return self._endpoints.answer(request, kind, await self._resources.change(call, *where, judged, "status"), call)

    async def _finalize(
        self, request: web.BaseRequest, info: RequestInfo, kind: ResourceType, call: Call
    ) -> web.StreamResponse:
        """PUT of a Namespace whose `spec.finalizers` are what remains; an empty list lets it go."""
        if info.verb != "update":
            raise status.method_not_allowed(kind.qualified)
        body = await read_body(request)
        finalizers = dig_list(body, "spec", "finalizers")

        def finalized(old: JsonObject) -> JsonObject:
            changed = copy(old)
            changed["spec"] = {**dig_map(old, "spec"), "finalizers": finalizers}
            given = dig(body, "metadata", "resourceVersion")
            if given:
                metadata(changed)["resourceVersion"] = given
            return changed

        changed = await self._resources.change(call, kind, "", info.name, finalized, "finalize")
        return self._endpoints.answer(request, kind, changed, call)

    async def _token(
        self, request: web.BaseRequest, info: RequestInfo, kind: ResourceType, call: Call
    ) -> web.StreamResponse:
        if info.verb != "create":
            raise status.method_not_allowed(kind.qualified)
        account = self._resources.get(kind, info.namespace, info.name).body
        body = await read_body(request)
        spec = dig_map(body, "spec")
        seconds = int(spec.get("expirationSeconds") or _TOKEN_SECONDS)
        if not _SHORTEST_TOKEN <= seconds <= _LONGEST_TOKEN:
            which = (
                "may not specify a duration less than 10 minutes"
                if seconds < _SHORTEST_TOKEN
                else "may not specify a duration larger than 2^32 seconds"
            )
            cause = status.Cause("spec.expirationSeconds", "FieldValueInvalid", f"Invalid value: {seconds}: {which}")
            raise status.invalid("TokenRequest", "authentication.k8s.io", "", [cause])
        audiences = dig_list(spec, "audiences") or [API_AUDIENCE]
        subject = self._subject(info, account, dig_map(spec, "boundObjectRef"))
        now = int(time.time())
        token = self._authenticator.signer.sign(claims.make(subject, audiences, now, seconds, str(uuid.uuid4())))
        answer: JsonObject = {
            "kind": "TokenRequest",
            "apiVersion": "authentication.k8s.io/v1",
            "metadata": {"name": info.name, "namespace": info.namespace, "creationTimestamp": stamp(now)},
            "spec": {**spec, "audiences": audiences, "expirationSeconds": seconds},
            "status": {"token": token, "expirationTimestamp": stamp(now + seconds)},
        }
        return _json(answer, 201, call)

    def _subject(self, info: RequestInfo, account: JsonObject, bound: JsonObject) -> claims.Subject:
        uid = account["metadata"]["uid"]
        if not bound:
            return claims.Subject(info.namespace, info.name, uid)
        if bound.get("kind") != "Pod":
            raise status.bad_request(
                f"cannot bind token to object of type {bound.get('kind')}: only Pods are supported here"
            )
        pods = self._resources.registry.find("", "v1", "pods")
        assert pods is not None
        pod = self._resources.get(pods, info.namespace, bound.get("name", "")).body
        if dig(pod, "spec", "serviceAccountName") != info.name:
            raise status.bad_request(
                f'cannot bind token for serviceaccount "{info.name}" to pod running with different serviceaccount name.'
            )
        pod_uid = pod["metadata"]["uid"]
        if bound.get("uid") and bound["uid"] != pod_uid:
            raise status.conflict(
                "pods",
                bound["name"],
                f"the UID in the bound object reference ({bound['uid']}) does not match the UID in record. {RECREATED}",
            )
        return claims.Subject(info.namespace, info.name, uid, bound["name"], pod_uid)

    async def _binding(
        self, request: web.BaseRequest, info: RequestInfo, kind: ResourceType, call: Call
    ) -> web.StreamResponse:
        if info.verb != "create":
            raise status.method_not_allowed(kind.qualified)
        body = await read_body(request)
        if dig(body, "metadata", "name") != info.name:
            raise status.bad_request("name in URL does not match name in Binding object")
        target = dig(body, "target", "name")
        if not target:
            cause = status.Cause("target.name", "FieldValueRequired", "Required value")
            raise status.invalid("Binding", "", info.name, [cause])

        def bound(old: JsonObject) -> JsonObject:
            if dig(old, "spec", "nodeName"):
                raise status.conflict(
                    "pods/binding",
                    info.name,
                    f'pod {info.name} is already assigned to node "{old["spec"]["nodeName"]}"',
                )
            changed = copy(old)
            changed["spec"]["nodeName"] = target
            scheduled = {
                "type": "PodScheduled",
                "status": "True",
                "lastProbeTime": None,
                "lastTransitionTime": stamp(time.time()),
            }
            conditions = [c for c in dig_list(changed, "status", "conditions") if c.get("type") != "PodScheduled"]
            changed.setdefault("status", {})["conditions"] = [*conditions, scheduled]
            return changed

        await self._resources.change(call, kind, info.namespace, info.name, bound, "binding")
        return _json(
            {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}, 201, call
        )

    async def _evict(
        self, request: web.BaseRequest, info: RequestInfo, kind: ResourceType, call: Call
    ) -> web.StreamResponse:
        if info.verb != "create":
            raise status.method_not_allowed(kind.qualified)
        await self._eviction.evict(call, kind, info, await read_body(request))
        return _json(
            {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}, 201, call
        )
