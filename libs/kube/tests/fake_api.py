"""A scriptable API server for tests: stores objects, lists in pages, watches, and misbehaves on demand.

It serves any path that looks like a Kubernetes collection or object. Versions are one counter, as etcd's. What real
servers do and this does not: validation, admission, authorization.
"""

import asyncio
import copy
import itertools
import json
from collections.abc import AsyncIterator
from typing import Any

from aiohttp import WSMsgType, web
from aiohttp.test_utils import TestServer

Obj = dict[str, Any]


class FakeApi:
    """`async with FakeApi() as api:`; `api.url` is its address. Objects go in and out by `put` and `remove`."""

    def __init__(self) -> None:
        self.version = 100
        self.objects: dict[str, dict[tuple[str, str], Obj]] = {}
        """Collection path of all namespaces ("/api/v1/pods") -> (namespace, name) -> object."""
        self.absent: set[str] = set()
        """Collections that answer 404, as kinds that are not served."""
        self.fail: list[int] = []
        """Statuses that the next requests answer with, first one first."""
        self.fail_watch: list[int] = []
        self.oldest = 0
        """Watches from older versions answer 410."""
        self.requests: list[tuple[str, str]] = []
        self.headers: list[dict[str, str]] = []
        self.forward_ports: dict[int, int] = {}
        """Pod port -> local port that a port-forward reaches; others are refused."""
        self.reviews: dict[str, Obj] = {}
        """Collection path -> status to answer a POST of a review with."""
        self._log: list[tuple[int, str, str, Obj]] = []
        self._watchers: dict[int, tuple[str, str | None, asyncio.Queue[bytes | None]]] = {}
        self._ids = itertools.count()
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._handle)
        self._server = TestServer(app)

    async def __aenter__(self) -> "FakeApi":
        await self._server.start_server()
        return self

    async def __aexit__(self, *_: object) -> None:
        self.break_watches()
        await self._server.close()

    @property
    def url(self) -> str:
        return str(self._server.make_url("")).rstrip("/")

    # -- state

    def put(self, collection: str, obj: Obj) -> Obj:
        """Create or replace; watchers see it."""
        meta = obj.setdefault("metadata", {})
        key = (meta.get("namespace", ""), meta["name"])
        stored = self.objects.setdefault(collection, {})
        before = stored.get(key)
        self.version += 1
        obj = copy.deepcopy(obj)
        obj["metadata"]["resourceVersion"] = str(self.version)
        if before is None:
            obj["metadata"].setdefault("uid", f"uid-{self.version}")
        else:
            obj["metadata"].setdefault("uid", before["metadata"]["uid"])
        stored[key] = obj
        self._event(collection, "MODIFIED" if before else "ADDED", obj)
        return obj

    def remove(self, collection: str, namespace: str, name: str) -> None:
        obj = copy.deepcopy(self.objects[collection].pop((namespace, name)))
        self.version += 1
        obj["metadata"]["resourceVersion"] = str(self.version)
        self._event(collection, "DELETED", obj)

    def _event(self, collection: str, kind: str, obj: Obj) -> None:
        self._log.append((self.version, collection, kind, obj))
        self.send(collection, {"type": kind, "object": obj}, obj["metadata"].get("namespace", ""))

    def send(self, collection: str, event: Obj | bytes, namespace: str = "") -> None:
        """A raw event to the collection's watchers: duplicated, stale, or nonsense."""
        line = event if isinstance(event, bytes) else json.dumps(event).encode()
        for watched, only, queue in self._watchers.values():
            if watched == collection and only in (None, namespace):
                queue.put_nowait(line + b"\n")

    def bookmark(self, collection: str, version: int | None = None) -> None:
        meta = {"resourceVersion": str(version or self.version)}
        for watched, _, queue in self._watchers.values():
            if watched == collection:
                queue.put_nowait(json.dumps({"type": "BOOKMARK", "object": {"metadata": meta}}).encode() + b"\n")

    def break_watches(self, collection: str | None = None) -> None:
        """End watches, as a server that restarts."""
        for watched, _, queue in self._watchers.values():
            if collection in (None, watched):
                queue.put_nowait(None)

    def watching(self, collection: str) -> int:
        return sum(1 for watched, _, _ in self._watchers.values() if watched == collection)

    # -- the wire

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        path = request.path
        self.requests.append((request.method, request.path_qs))
        self.headers.append(dict(request.headers))
        if self.fail and "watch" not in request.query:
            return status(self.fail.pop(0), "Scripted")
        collection, namespace, name, sub = parse(path)
        if collection in self.absent:
            return status(404, "NotFound", "the server could not find the requested resource")
        if sub == "portforward":
            return await self._forward(request)
        if "watch" in request.query:
            return await self._watch(request, collection, namespace)
        if request.method == "GET" and name is None:
            return self._list(request, collection, namespace)
        body = await request.json() if request.can_read_body else None
        return self._object(request.method, collection, namespace or "", name, body)

    def _list(self, request: web.Request, collection: str, namespace: str | None) -> web.Response:
        field = dict(p.split("=", 1) for p in request.query.get("fieldSelector", "").split(",") if p)
        items = [
            obj
            for (ns, obj_name), obj in sorted(self.objects.get(collection, {}).items())
            if namespace in (None, ns) and field.get("metadata.name", obj_name) == obj_name
        ]
        start = int(request.query.get("continue", "0"))
        limit = int(request.query.get("limit", "0")) or len(items) or 1
        meta: Obj = {"resourceVersion": str(self.version)}
        if start + limit < len(items):
            meta["continue"] = str(start + limit)
        return web.json_response({"kind": "List", "metadata": meta, "items": items[start : start + limit]})

    async def _watch(self, request: web.Request, collection: str, namespace: str | None) -> web.StreamResponse:
        if self.fail_watch:
            return status(self.fail_watch.pop(0), "Scripted")
        since = int(request.query["resourceVersion"])
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        if since < self.oldest:
            gone = {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old resource version"}
            await response.write(json.dumps({"type": "ERROR", "object": gone}).encode() + b"\n")
            return response
        queue: asyncio.Queue[bytes | None] = asyncio.Queue()
        for version, logged, kind, obj in self._log:
            if version > since and logged == collection and namespace in (None, obj["metadata"].get("namespace")):
                queue.put_nowait(json.dumps({"type": kind, "object": obj}).encode() + b"\n")
        ident = next(self._ids)
        self._watchers[ident] = (collection, namespace, queue)
        try:
            while (line := await queue.get()) is not None:
                await response.write(line)
        except ConnectionError:
            pass
        finally:
            del self._watchers[ident]
        return response

    def _object(self, method: str, collection: str, namespace: str, name: str | None, body: Obj | None) -> web.Response:
        stored = self.objects.setdefault(collection, {})
        if name is None and method == "POST" and body is not None:
            if collection in self.reviews:
                return web.json_response({**body, "status": self.reviews[collection]}, status=201)
            body.setdefault("metadata", {}).setdefault("namespace", namespace)
            if (namespace, body["metadata"]["name"]) in stored:
                return status(409, "AlreadyExists", f"{body['metadata']['name']} already exists")
            return web.json_response(self.put(collection, body), status=201)
        found = stored.get((namespace, name or ""))
        if found is None:
            return status(404, "NotFound", f"{collection} {name!r} not found")
        if method == "GET":
            return web.json_response(found)
        if method == "DELETE":
            self.remove(collection, namespace, name or "")
            return web.json_response({"kind": "Status", "status": "Success"})
        assert body is not None
        if method == "PUT":
            sent = body["metadata"].get("resourceVersion")
            if sent and sent != found["metadata"]["resourceVersion"]:
                return status(409, "Conflict", "the object has been modified")
            return web.json_response(self.put(collection, body))
        return web.json_response(self.put(collection, merge(found, body)))

    async def _forward(self, request: web.Request) -> web.StreamResponse:
        ws = web.WebSocketResponse(protocols=("v4.channel.k8s.io",))
        await ws.prepare(request)
        port = int(request.query["ports"])
        for channel in (0, 1):
            await ws.send_bytes(bytes((channel,)) + port.to_bytes(2, "little"))
        if port not in self.forward_ports:
            await ws.send_bytes(b"\x01connection refused")
            await ws.close()
            return ws
        reader, writer = await asyncio.open_connection("127.0.0.1", self.forward_ports[port])

        async def down() -> None:
            while data := await reader.read(65536):
                await ws.send_bytes(b"\x00" + data)
            await ws.close()

        task = asyncio.create_task(down())
        try:
            async for message in ws:
                if message.type is WSMsgType.BINARY and message.data[0] == 0:
                    writer.write(message.data[1:])
                    await writer.drain()
        finally:
            task.cancel()
            writer.close()
            await asyncio.gather(task, writer.wait_closed(), return_exceptions=True)
        return ws


def parse(path: str) -> tuple[str, str | None, str | None, str | None]:
    """The collection (of all namespaces), namespace, name, subresource of a path."""
    parts = path.strip("/").split("/")
    size = 2 if parts[0] == "api" else 3
    base, rest = parts[:size], parts[size:]
    namespace = None
    if rest[:1] == ["namespaces"] and len(rest) > 2:
        namespace, rest = rest[1], rest[2:]
    rest += [""] * (3 - len(rest))
    return "/" + "/".join([*base, rest[0]]), namespace, rest[1] or None, rest[2] or None


def merge(target: Obj, patch: Obj) -> Obj:
    """RFC 7386."""
    result = dict(target)
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, dict):
            before = result.get(key)
            result[key] = merge(before if isinstance(before, dict) else {}, value)
        else:
            result[key] = value
    return result


def status(code: int, reason: str, message: str = "") -> web.Response:
    return web.json_response(
        {"kind": "Status", "status": "Failure", "code": code, "reason": reason, "message": message}, status=code
    )


async def until(condition: Any, seconds: float = 30.0) -> None:
    """Wait for a condition with a deadline."""
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.005)


async def serve() -> AsyncIterator[FakeApi]:
    """For fixtures."""
    async with FakeApi() as api:
        yield api
