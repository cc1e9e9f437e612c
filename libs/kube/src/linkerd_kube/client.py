"""The API client: JSON requests, lists in pages, watches as lines, WebSockets. One aiohttp session, no cache.

Every answer that is not a success is raised as an ApiError; so is a failure of the connection.
"""

import contextlib
import re
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypedDict

import aiohttp
import msgspec
from multidict import CIMultiDict

from linkerd_kube.errors import ApiError, NotFound, Unreachable, from_body
from linkerd_kube.objects import JsonObject
from linkerd_kube.resource import Resource

TokenSource = Callable[[], Awaitable[str | None]]
Params = Mapping[str, str]

_UNARY = aiohttp.ClientTimeout(total=30, connect=10)
# A watch is silent for as long as nothing changes; the server ends it at timeoutSeconds, we a little later.
_WATCH_GRACE_SECONDS = 15


class _ListMeta(msgspec.Struct, rename="camel"):
    resource_version: str = ""
    continue_: str | None = msgspec.field(name="continue", default=None)


class _RawList(msgspec.Struct):
    metadata: _ListMeta
    items: list[msgspec.Raw] | None = None


_list_decoder = msgspec.json.Decoder(_RawList)
_object_decoder = msgspec.json.Decoder(JsonObject)


class TransportOptions(TypedDict, total=False):
    """What a kubeconfig may demand of every request: a TLS server name, a proxy (aiohttp's names)."""

    server_hostname: str
    proxy: str


@dataclass(frozen=True, slots=True)
class ListResult:
    """A whole collection at one version."""

    items: list[JsonObject]
    resource_version: str


@dataclass(frozen=True, slots=True)
class RawPage:
    """One page of a collection, objects not decoded. `resource_version` is the same on every page."""

    items: list[msgspec.Raw]
    resource_version: str


@dataclass(frozen=True, slots=True)
class Stream:
    """An answer that goes on: its lines as they come, empty ones too, and what headers Warning said before them."""

    lines: AsyncIterator[bytes]
    warnings: list[str]


class KubeClient:
    """A connection to one API server. `token` is asked before every request, so that it may rotate."""

    def __init__(self, server: str, session: aiohttp.ClientSession, token: TokenSource | None = None) -> None:
        self.server = server.rstrip("/")
        self.namespace: str | None = None
        """Of the kubeconfig's context or of the pod; None where nothing says it."""
        self._session = session
        self._token = token
        self._options = TransportOptions()
        self._impersonation: list[tuple[str, str]] = []
        self._closers: list[Callable[[], Awaitable[None]]] = []

    @classmethod
    async def connect(
        cls, kubeconfig: str | None = None, context: str | None = None, environ: Mapping[str, str] | None = None
    ) -> "KubeClient":
        """Find the cluster: an explicit kubeconfig or context; else in-cluster; else KUBECONFIG or ~/.kube/config.

        `environ` defaults to the process's. Raises linkerd_kube.config.ConfigError with one line for people.
        """
        from linkerd_kube.config import connect

        return await connect(cls, kubeconfig, context, environ)

    def adopt(self, namespace: str | None, options: TransportOptions, closer: Callable[[], Awaitable[None]]) -> None:
        """For `connect`: what configuration found, and what `close` must end."""
        self.namespace = namespace
        self._options = options
        self._closers.append(closer)

    def impersonate(self, user: str | None, groups: Sequence[str] = ()) -> None:
        """Ask as another user (kubectl's --as and --as-group): the API server decides whether we may."""
        self._impersonation = [("Impersonate-User", user)] if user else []
        self._impersonation += [("Impersonate-Group", group) for group in groups]

    async def close(self) -> None:
        """Close what `connect` opened; a session given to the constructor stays its owner's."""
        for closer in self._closers:
            await closer()
        self._closers.clear()

    async def get(self, path: str, params: Params | None = None) -> JsonObject:
        """GET one document."""
        return await self._json("GET", path, params=params)

    async def find(self, path: str) -> JsonObject | None:
        """GET one document; None where there is none."""
        try:
            return await self.get(path)
        except NotFound:
            return None

    async def create(self, path: str, body: JsonObject, params: Params | None = None) -> JsonObject:
        """POST to a collection or subresource; the object as stored. AlreadyExists where the name is taken."""
        return await self._json("POST", path, params=params, body=body)

    async def replace(self, path: str, body: JsonObject, params: Params | None = None) -> JsonObject:
        """PUT; Conflict where the body's resourceVersion is not the stored one."""
        return await self._json("PUT", path, params=params, body=body)

    async def delete(self, path: str, body: JsonObject | None = None, params: Params | None = None) -> JsonObject:
        """DELETE, with DeleteOptions as the body; the object or a Status."""
        return await self._json("DELETE", path, params=params, body=body)

    async def patch(
        self,
        path: str,
        body: JsonObject | list[JsonObject],
        content_type: str = "application/merge-patch+json",
        params: Params | None = None,
    ) -> JsonObject:
        """PATCH. `content_type` names the kind: application/json-patch+json (the body is a list), apply-patch+yaml …"""
        return await self._json("PATCH", path, params=params, body=body, content_type=content_type)

    async def list(
        self,
        resource: Resource,
        namespace: str | None = None,
        *,
        label_selector: str = "",
        field_selector: str = "",
        limit: int = 500,
    ) -> ListResult:
        """The whole collection, read in pages of `limit`. Items get the kind and apiVersion that lists leave out."""
        items: list[JsonObject] = []
        version = ""
        pages = self.list_raw(
            resource, namespace, label_selector=label_selector, field_selector=field_selector, limit=limit
        )
        async for page in pages:
            version = page.resource_version
            for raw in page.items:
                item = _object_decoder.decode(raw)
                item.setdefault("kind", resource.kind)
                item.setdefault("apiVersion", resource.api_version)
                items.append(item)
        return ListResult(items, version)

    async def list_raw(
        self,
        resource: Resource,
        namespace: str | None = None,
        *,
        label_selector: str = "",
        field_selector: str = "",
        limit: int = 500,
    ) -> AsyncIterator[RawPage]:
        """The collection page by page, undecoded. Gone when the pages' version expired meanwhile: begin again."""
        params = _selectors(label_selector, field_selector)
        if limit:
            params["limit"] = str(limit)
        while True:
            body = await self._request("GET", resource.path(namespace), params=params)
            page = _list_decoder.decode(body)
            yield RawPage(page.items or [], page.metadata.resource_version)
            if not page.metadata.continue_:
                return
            params["continue"] = page.metadata.continue_

    async def watch_raw(
        self,
        resource: Resource,
        namespace: str | None,
        resource_version: str,
        *,
        label_selector: str = "",
        field_selector: str = "",
        timeout_seconds: int = 300,
    ) -> AsyncIterator[bytes]:
        """Watch events after `resource_version`, one JSON document each, bookmarks included, until the server ends it.

        Gone (or an event of type ERROR with code 410) when the version is too old.
        """
        params = _selectors(label_selector, field_selector)
        params |= {
            "watch": "true",
            "allowWatchBookmarks": "true",
            "timeoutSeconds": str(timeout_seconds),
            "resourceVersion": resource_version,
        }
        timeout = aiohttp.ClientTimeout(total=timeout_seconds + _WATCH_GRACE_SECONDS, connect=10)
        async with self._open("GET", resource.path(namespace), params=params, timeout=timeout) as response:
            _keep_alive(response)
            async for line in _lines(response):
                yield line

    async def stream_text(self, path: str, params: Params | None = None) -> AsyncIterator[str]:
        """An endless text answer (`pods/NAME/log?follow=true`), as lines without their newline."""
        timeout = aiohttp.ClientTimeout(total=None, connect=10)
        async with self._open("GET", path, params=params, timeout=timeout) as response:
            async for line in _lines(response, rest=True):
                yield line.decode("utf-8", "replace")

    @contextlib.asynccontextmanager
    async def post_stream(self, path: str, body: object) -> AsyncIterator[Stream]:
        """POST what is answered by lines without end (an aggregated API's). An OSError in the block is Unreachable."""
        timeout = aiohttp.ClientTimeout(total=None, connect=10)
        data = msgspec.json.encode(body)
        opened = self._open("POST", path, params=None, timeout=timeout, data=data, content_type="application/json")
        async with opened as response:
            _keep_alive(response)
            yield Stream(
                _lines(response, blank=True), [_warning(text) for text in response.headers.getall("Warning", [])]
            )

    async def get_text(self, path: str, params: Params | None = None) -> str:
        """A finite text answer (`/version`, `pods/NAME/log`)."""
        return (await self._request("GET", path, params=params)).decode("utf-8", "replace")

    async def websocket(
        self, path: str, params: Params | None = None, protocol: str = "v4.channel.k8s.io"
    ) -> aiohttp.ClientWebSocketResponse:
        """Upgrade to a WebSocket (port-forward). The caller closes it."""
        headers = await self._headers(None)
        try:
            return await self._session.ws_connect(
                self.server + path,
                params=params,
                headers=headers,
                protocols=(protocol,),
                max_msg_size=0,
                **self._options,
            )
        except aiohttp.WSServerHandshakeError as error:
            raise from_body(error.status, error.message.encode()) from error
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise _unreachable(self.server, error) from error

    async def _json(
        self,
        method: str,
        path: str,
        *,
        params: Params | None = None,
        body: object = None,
        content_type: str = "application/json",
    ) -> JsonObject:
        answer = await self._request(method, path, params=params, body=body, content_type=content_type)
        try:
            return _object_decoder.decode(answer)
        except msgspec.DecodeError as error:
            raise ApiError(200, "Unreadable", f"{method} {path}: the answer is not JSON: {error}") from error

    async def _request(
        self,
        method: str,
        path: str,
        *,
        params: Params | None = None,
        body: object = None,
        content_type: str = "application/json",
    ) -> bytes:
        data = None if body is None else msgspec.json.encode(body)
        opened = self._open(
            method, path, params=params, data=data, content_type=content_type if data else None, timeout=_UNARY
        )
        async with opened as response:
            return await response.read()

    @contextlib.asynccontextmanager
    async def _open(
        self,
        method: str,
        path: str,
        *,
        params: Params | None,
        timeout: aiohttp.ClientTimeout,
        data: bytes | None = None,
        content_type: str | None = None,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        headers = await self._headers(content_type)
        try:
            async with self._session.request(
                method, self.server + path, params=params, data=data, headers=headers, timeout=timeout, **self._options
            ) as response:
                if response.status >= 400:
                    raise from_body(response.status, await response.read())
                yield response
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise _unreachable(self.server, error) from error

    async def _headers(self, content_type: str | None) -> CIMultiDict[str]:
        headers = CIMultiDict([("Accept", "application/json, */*"), *self._impersonation])
        if content_type:
            headers["Content-Type"] = content_type
        if self._token is not None and (token := await self._token()):
            headers["Authorization"] = token if " " in token else f"Bearer {token}"
        return headers


def _unreachable(server: str, error: Exception) -> Unreachable:
    return Unreachable(0, "Unreachable", f"{server}: {error or type(error).__name__}")


def _selectors(label_selector: str, field_selector: str) -> dict[str, str]:
    params = {}
    if label_selector:
        params["labelSelector"] = label_selector
    if field_selector:
        params["fieldSelector"] = field_selector
    return params


async def _lines(response: aiohttp.ClientResponse, *, rest: bool = False, blank: bool = False) -> AsyncIterator[bytes]:
    """Lines of any length: aiohttp's own readline refuses those over its buffer, and one object may have 1.5 MB.

    Without `rest`, a last line without its newline is dropped: an event cut off by the end of its watch. Empty lines
    are left out without `blank`.
    """
    parts: list[bytes] = []
    async for chunk in response.content.iter_any():
        *whole, tail = chunk.split(b"\n")
        for line in whole:
            if parts:
                line = b"".join(parts) + line
                parts.clear()
            if line or blank:
                yield line
        if tail:
            parts.append(tail)
    if rest and parts:
        yield b"".join(parts)


def _warning(header: str) -> str:
    """The text of `299 - "text"` (RFC 7234, 5.5)."""
    text = header.split(" ", 2)[-1].strip()
    return re.sub(r"\\(.)", r"\1", text[1:-1]) if len(text) > 1 and text[0] == text[-1] == '"' else text


def _keep_alive(response: aiohttp.ClientResponse) -> None:
    """Have the kernel notice within half a minute that the server's machine is gone: a silent watch looks the same."""
    connection = response.connection
    transport = connection.transport if connection is not None else None
    sock = transport.get_extra_info("socket") if transport is not None else None
    if sock is None or sock.family not in (socket.AF_INET, socket.AF_INET6):
        return
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 15)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 5)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3)
