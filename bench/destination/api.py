"""A Kubernetes API that replays bytes: lists in pages, watches that stay open, and a yes to every write.

Written on a bare protocol, so that what is measured on the other core waits for the service and not for this.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import cast
from urllib.parse import parse_qs, urlsplit

from bench.destination.cluster import Cluster

_FIRST_VERSION = 1000
_KEPT = 20_000


class ReplayApi:
    """`start` listens on loopback; `send` is a watch event."""

    def __init__(self, cluster: Cluster, config_maps: dict[str, str]) -> None:
        self.cluster = cluster
        self.version = _FIRST_VERSION
        self.listed = 0
        self._config_maps = config_maps
        self._watchers: dict[str, set[_Connection]] = {}
        self._log: deque[tuple[int, str, bytes]] = deque(maxlen=_KEPT)
        self._server: asyncio.Server | None = None

    async def start(self) -> str:
        """Its URL."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Connection(self), "127.0.0.1", 0)
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def stop(self) -> None:
        """No more answers."""
        assert self._server is not None
        for watchers in list(self._watchers.values()):
            for connection in list(watchers):
                connection.close()
        self._server.close()

    def send(self, path: str, kind: str, obj: str) -> None:
        """An event to all watchers; the object has `self.version + 1` as its version."""
        self.version += 1
        line = f'{{"type":"{kind}","object":{obj}}}\n'.encode()
        self._log.append((self.version, path, line))
        for connection in self._watchers.get(path, ()):
            connection.chunk(line)

    def watch(self, path: str, since: int, connection: _Connection) -> None:
        """From now on, and what was missed."""
        self._watchers.setdefault(path, set()).add(connection)
        for version, logged, line in self._log:
            if version > since and logged == path:
                connection.chunk(line)

    def leave(self, connection: _Connection) -> None:
        """A connection is gone."""
        for watchers in self._watchers.values():
            watchers.discard(connection)

    def list(self, path: str, start: int, limit: int) -> bytes | None:
        """One page; None where the kind is not served."""
        if path.endswith("/configmaps"):
            items = ",".join(self._config_maps.values())
            return f'{{"metadata":{{"resourceVersion":"{self.version}"}},"items":[{items}]}}'.encode()
        if path in self.cluster.absent:
            return None
        collection = self.cluster.collections.get(path)
        if collection is None:
            return f'{{"metadata":{{"resourceVersion":"{self.version}"}},"items":[]}}'.encode()
        end = min(collection.count, start + limit) if limit else collection.count
        items = ",".join([collection.item(n) for n in range(start, end)])
        self.listed += end - start
        more = f',"continue":"{end}"' if end < collection.count else ""
        return f'{{"metadata":{{"resourceVersion":"{self.version}"{more}}},"items":[{items}]}}'.encode()

    def config_map(self, name: str) -> bytes:
        """A list of one, as a field selector asks for."""
        item = self._config_maps.get(name, "")
        return f'{{"metadata":{{"resourceVersion":"{self.version}"}},"items":[{item}]}}'.encode()


class _Connection(asyncio.Protocol):
    """HTTP/1.1, one request after the other."""

    def __init__(self, api: ReplayApi) -> None:
        self._api = api
        self._transport: asyncio.Transport | None = None
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, _error: Exception | None) -> None:
        self._api.leave(self)

    def close(self) -> None:
        """End it."""
        if self._transport is not None:
            self._transport.abort()

    def chunk(self, data: bytes) -> None:
        """A piece of an endless answer."""
        assert self._transport is not None
        self._transport.write(b"%x\r\n%b\r\n" % (len(data), data))

    def data_received(self, data: bytes) -> None:
        self._received += data
        while b"\r\n\r\n" in self._received:
            head, _, rest = self._received.partition(b"\r\n\r\n")
            length = 0
            for line in head.lower().split(b"\r\n"):
                if line.startswith(b"content-length:"):
                    length = int(line.partition(b":")[2])
            if len(rest) < length:
                return
            self._received = rest[length:]
            method, target, _ = head.split(b"\r\n", 1)[0].decode().split(" ")
            self._answer(method, target, rest[:length])

    def _answer(self, method: str, target: str, body: bytes) -> None:
        parts = urlsplit(target)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        if method != "GET":
            self._respond(201 if method == "POST" else 200, body or b"{}")
            return
        path, name = _collection(parts.path)
        if query.get("watch"):
            self._head(200, "transfer-encoding: chunked")
            self._api.watch(path, int(query["resourceVersion"]), self)
            return
        if name:
            self._respond(404, b'{"kind":"Status","code":404,"reason":"NotFound"}')
            return
        selector = query.get("fieldSelector", "")
        if selector:
            self._respond(200, self._api.config_map(selector.partition("=")[2]))
            return
        page = self._api.list(path, int(query.get("continue", "0")), int(query.get("limit", "0")))
        self._respond(200 if page is not None else 404, page if page is not None else b'{"kind":"Status","code":404}')

    def _head(self, status: int, field: str) -> None:
        assert self._transport is not None
        self._transport.write(f"HTTP/1.1 {status} X\r\ncontent-type: application/json\r\n{field}\r\n\r\n".encode())

    def _respond(self, status: int, body: bytes) -> None:
        assert self._transport is not None
        self._head(status, f"content-length: {len(body)}")
        self._transport.write(body)


def _collection(path: str) -> tuple[str, str]:
    """The collection of all namespaces, and the object's name where one is asked for."""
    parts = path.strip("/").split("/")
    size = 2 if parts[0] == "api" else 3
    base, rest = parts[:size], parts[size:]
    if rest[:1] == ["namespaces"] and len(rest) > 2:
        rest = rest[2:]
    return "/" + "/".join([*base, rest[0]]), rest[1] if len(rest) > 1 else ""
