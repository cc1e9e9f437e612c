"""A small Kubernetes API on a real socket, for tests of services that read and write a few objects.

It stores what it is given, lists and watches (field selector metadata.name), checks resourceVersion on PUT, applies
merge patches and JSON patches, answers TokenReviews from a table. No validation, admission or authorization: the
sandbox's API server has those.
"""

import asyncio
import copy
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from linkerd_runtime.process import serve

Obj = dict[str, Any]

_TOKEN_REVIEWS = "/apis/authentication.k8s.io/v1/tokenreviews"  # noqa: S105 - a path


@dataclass
class FakeKube:
    """The server's state; tests read and change it directly."""

    url: str = ""
    objects: dict[str, Obj] = field(default_factory=dict)
    """Path -> object."""
    tokens: dict[str, Obj] = field(default_factory=dict)
    """Token -> status of its TokenReview; others are not authenticated."""
    version: str = "v1.32.0"
    down: bool = False
    """Answer every request with 503."""
    refuse: dict[str, int] = field(default_factory=dict)
    """"METHOD path" -> status to answer with."""
    requests: list[str] = field(default_factory=list)
    """"METHOD path" of every request."""
    _revision: int = 1000
    _watchers: set[asyncio.Queue[tuple[str, str, Obj] | None]] = field(default_factory=set)

    def put(self, path: str, obj: Obj) -> Obj:
        """Create or replace the object at a path; watchers are told."""
        self._revision += 1
        stored = copy.deepcopy(obj)
        meta = stored.setdefault("metadata", {})
        parts = path.split("/")
        meta["name"] = parts[-1]
        if "namespaces" in parts and parts[-2] != "namespaces":
            meta["namespace"] = parts[parts.index("namespaces") + 1]
        meta["resourceVersion"] = str(self._revision)
        meta.setdefault("uid", f"uid-{self._revision}")
        kind = "MODIFIED" if path in self.objects else "ADDED"
        self.objects[path] = stored
        self._tell(kind, path, stored)
        return stored

    def remove(self, path: str) -> Obj:
        """Delete the object at a path; watchers are told."""
        self._revision += 1
        gone = self.objects.pop(path)
        gone["metadata"]["resourceVersion"] = str(self._revision)
        self._tell("DELETED", path, gone)
        return gone

    def events(self) -> list[tuple[str, str, str]]:
        """(involved object's name, type, reason) of every Event written."""
        return [
            (obj["involvedObject"]["name"], obj["type"], obj["reason"])
            for path, obj in self.objects.items()
            if "/events/" in path
        ]

    def account(self, token: str, namespace: str, name: str, pod_uid: str = "") -> None:
        """Make a token good for a ServiceAccount."""
        extra = {"authentication.kubernetes.io/pod-uid": [pod_uid]} if pod_uid else {}
        user = {"username": f"system:serviceaccount:{namespace}:{name}", "uid": f"uid-of-{name}", "extra": extra}
        self.tokens[token] = {"authenticated": True, "user": user, "audiences": ["identity.l5d.io"]}

    def close_watches(self) -> None:
        """End all watches, as a server that stops."""
        for queue in self._watchers:
            queue.put_nowait(None)

    def _tell(self, kind: str, path: str, obj: Obj) -> None:
        for queue in self._watchers:
            queue.put_nowait((kind, path, copy.deepcopy(obj)))

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Every request."""
        path = request.path
        self.requests.append(f"{request.method} {path}")
        if self.down:
            return _status(503, "ServiceUnavailable")
        if (status := self.refuse.get(f"{request.method} {path}")) is not None:
            return _status(status, "Scripted")
        if path == "/version":
            return web.json_response({"gitVersion": self.version})
        if path == _TOKEN_REVIEWS:
            body = await request.json()
            status_of = self.tokens.get(body["spec"]["token"], {"authenticated": False, "error": "invalid token"})
            return web.json_response({**body, "status": status_of}, status=201)
        if request.query.get("watch"):
            return await self._watch(request)
        if request.method == "GET":
            return self._get(request)
        body = await request.json() if request.can_read_body else None
        return self._change(request.method, path, request.content_type, body)

    def _get(self, request: web.Request) -> web.Response:
        path = request.path
        if path in self.objects:
            return web.json_response(self.objects[path])
        name = path.rsplit("/", 1)[-1]
        if not _is_collection(path):
            return _status(404, "NotFound", f'{path.rsplit("/", 2)[-2]} "{name}" not found')
        items = [obj for _, obj in self._selected(request)]
        return web.json_response({"metadata": {"resourceVersion": str(self._revision)}, "items": items})

    def _selected(self, request: web.Request) -> list[tuple[str, Obj]]:
        return [(path, obj) for path, obj in sorted(self.objects.items()) if _matches(request, path)]

    async def _watch(self, request: web.Request) -> web.StreamResponse:
        since = int(request.query.get("resourceVersion") or 0)
        queue: asyncio.Queue[tuple[str, str, Obj] | None] = asyncio.Queue()
        for path, obj in self._selected(request):
            if int(obj["metadata"]["resourceVersion"]) > since:
                queue.put_nowait(("MODIFIED", path, copy.deepcopy(obj)))
        self._watchers.add(queue)
        response = web.StreamResponse(headers={"content-type": "application/json"})
        await response.prepare(request)
        try:
            while (event := await queue.get()) is not None:
                kind, path, obj = event
                if _matches(request, path):
                    if request.transport is None or request.transport.is_closing():
                        break
                    await response.write(json.dumps({"type": kind, "object": obj}).encode() + b"\n")
        finally:
            self._watchers.discard(queue)
        return response

    def _change(self, method: str, path: str, content_type: str, body: Any) -> web.Response:
        if method == "POST":
            target = f"{path}/{body['metadata']['name']}"
            if target in self.objects:
                return _status(409, "AlreadyExists", f"{target} already exists")
            return web.json_response(self.put(target, body), status=201)
        if path not in self.objects:
            return _status(404, "NotFound")
        if method == "DELETE":
            return web.json_response(self.remove(path))
        stored = self.objects[path]
        if method == "PUT":
            version = body.get("metadata", {}).get("resourceVersion")
            if version and version != stored["metadata"]["resourceVersion"]:
                return _status(409, "Conflict", "the object has been modified")
            return web.json_response(self.put(path, body))
        if content_type == "application/merge-patch+json":
            return web.json_response(self.put(path, _merge(stored, body)))
        if content_type == "application/json-patch+json":
            import jsonpatch

            return web.json_response(self.put(path, jsonpatch.apply_patch(stored, body)))
        return _status(415, "UnsupportedMediaType")


@asynccontextmanager
async def fake_kube() -> AsyncIterator[FakeKube]:
    """`async with fake_kube() as kube:`; `kube.url` is its address."""
    kube = FakeKube()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", kube.handle)
    runner = await serve(app, "127.0.0.1", 0)
    kube.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield kube
    finally:
        kube.close_watches()
        await runner.cleanup()


def _is_collection(path: str) -> bool:
    parts = path.strip("/").split("/")
    rest = parts[2:] if parts[0] == "api" else parts[3:]
    if rest[:1] == ["namespaces"] and len(rest) > 1:
        rest = rest[2:]
    return len(rest) == 1


def _matches(request: web.Request, path: str) -> bool:
    """Whether a stored path is in the collection asked for (of one namespace or of all), and selected by name."""
    collection, plural = path.rsplit("/", 1)[0], request.path.rsplit("/", 1)[-1]
    in_namespace = collection == request.path
    base = request.path.rsplit("/", 1)[0]
    in_any = collection.startswith(f"{base}/namespaces/") and collection.rsplit("/", 1)[-1] == plural
    wanted = dict(part.split("=", 1) for part in request.query.get("fieldSelector", "").split(",") if part)
    return (in_namespace or in_any) and wanted.get("metadata.name", path.rsplit("/", 1)[-1]) == path.rsplit("/", 1)[-1]


def _merge(target: Any, patch: Any) -> Any:
    """RFC 7396."""
    if not isinstance(patch, dict):
        return copy.deepcopy(patch)
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = _merge(result.get(key), value)
    return result


def _status(code: int, reason: str, message: str = "") -> web.Response:
    body = {"kind": "Status", "status": "Failure", "code": code, "reason": reason, "message": message or reason}
    return web.json_response(body, status=code)
