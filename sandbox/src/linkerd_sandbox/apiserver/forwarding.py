"""Requests that the API server passes on: to what stands behind a Service or a pod, body and answer streamed."""

import os
import random
import ssl
from collections.abc import AsyncIterator, Iterable
from typing import Final, NamedTuple

import aiohttp
from aiohttp import web
from multidict import CIMultiDict
from yarl import URL

from linkerd_sandbox.apiserver import status
from linkerd_sandbox.apiserver.objects import JsonObject, dig, dig_list, labels_of
from linkerd_sandbox.apiserver.store import Store

_HOP_BY_HOP: Final = frozenset(
    (
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "host",
        "content-length",
    )
)
"""RFC 9110 section 7.6.1; and what the next connection makes for itself."""
_CREDENTIALS: Final = frozenset(("authorization", "cookie"))
_CHUNK: Final = 64 << 10


class Destination(NamedTuple):
    """Where a request goes."""

    url: URL
    headers: Iterable[tuple[str, str]] = ()
    """In addition to the client's own."""
    tls: ssl.SSLContext | None = None
    server_name: str | None = None


class Forwarder:
    """Passes requests on; one pool of connections."""

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None

    @property
    def session(self) -> aiohttp.ClientSession:
        """Made when it is first needed, in the loop."""
        if self._session is None:
            timeout = aiohttp.ClientTimeout(total=None, sock_connect=10)
            self._session = aiohttp.ClientSession(timeout=timeout, auto_decompress=False)
        return self._session

    async def close(self) -> None:
        """Close connections."""
        if self._session is not None:
            await self._session.close()

    async def forward(self, request: web.BaseRequest, to: Destination) -> web.StreamResponse:
        """The answer of the other side. Raises `StatusError` 503 where it cannot be reached."""
        if request.headers.get("Upgrade"):
            raise status.not_implemented("an upgraded connection through this proxy")
        headers = CIMultiDict[str]()
        for name, value in request.headers.items():
            lower = name.lower()
            if lower not in _HOP_BY_HOP and lower not in _CREDENTIALS and not lower.startswith("x-remote-"):
                headers.add(name, value)
        for name, value in to.headers:
            headers.add(name, value)
        try:
            async with self.session.request(
                request.method,
                to.url,
                headers=headers,
                data=_body(request) if request.can_read_body else None,
                ssl=to.tls if to.tls is not None else True,
                server_hostname=to.server_name,
                allow_redirects=False,
                skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
            ) as answer:
                return await _relay(request, answer)
        except aiohttp.ClientConnectorError as error:
            why = os.strerror(error.errno).lower() if error.errno else str(error)
            where = f"dial tcp {error.host}:{error.port}: connect"
            raise unavailable(f"error trying to reach service: {where}: {why}") from error
        except aiohttp.ServerDisconnectedError as error:
            raise unavailable("error trying to reach service: EOF") from error


def unavailable(message: str) -> status.StatusError:
    """503, as a service that cannot be reached gives it."""
    return status.StatusError(503, "ServiceUnavailable", message)


async def _body(request: web.BaseRequest) -> AsyncIterator[bytes]:
    async for chunk in request.content.iter_chunked(_CHUNK):
        yield chunk


async def _relay(request: web.BaseRequest, answer: aiohttp.ClientResponse) -> web.StreamResponse:
    response = web.StreamResponse(status=answer.status, reason=answer.reason)
    for name, value in answer.headers.items():
        if name.lower() not in _HOP_BY_HOP:
            response.headers.add(name, value)
    if answer.content_length is not None:
        response.content_length = answer.content_length
    await response.prepare(request)
    async for chunk in answer.content.iter_any():
        await response.write(chunk)
    await response.write_eof()
    return response


def endpoint(store: Store, namespace: str, name: str, port: str) -> tuple[str, int]:
    """Address and port of a ready endpoint behind a Service's port (name or number; empty: the only one).

    Raises `StatusError` 404 or 503.
    """
    service = store.get("services", namespace, name)
    if service is None:
        raise status.not_found("services", name)
    found = _service_port(service.body, port)
    if found is None:
        raise unavailable(f'no service port "{port}" found for service "{name}"')
    choices = [
        (str(address), int(one["port"]))
        for item in store.scan("endpointslices.discovery.k8s.io", namespace)
        if labels_of(item.body).get("kubernetes.io/service-name") == name
        for one in dig_list(item.body, "ports")
        if (one.get("name") or "") == (found.get("name") or "") and one.get("port")
        for place in dig_list(item.body, "endpoints")
        if dig(place, "conditions", "ready") is not False
        for address in place.get("addresses") or ()
    ]
    if not choices:
        raise unavailable(f'no endpoints available for service "{name}"')
    return random.choice(choices)


def _service_port(service: JsonObject, port: str) -> JsonObject | None:
    ports: list[JsonObject] = dig_list(service, "spec", "ports")
    if not port:
        return ports[0] if len(ports) == 1 else None
    return next((one for one in ports if port in (one.get("name"), str(one.get("port")))), None)


def host(address: str) -> str:
    """An address as a URL has it."""
    return f"[{address}]" if ":" in address else address
