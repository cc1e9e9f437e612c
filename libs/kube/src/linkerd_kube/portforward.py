"""Port-forward to a pod through the API server, as `kubectl port-forward`, so that RBAC decides who may look.

Wire (WebSocket subprotocol v4.channel.k8s.io, `?ports=N`): every message begins with a channel byte, 0 data, 1 error
text; the first message on each channel is the port as two little-endian bytes. One WebSocket carries one connection.
Each tunnel is one end of a local socket pair, so that ordinary readers, writers and aiohttp work on it, with
backpressure both ways.
"""

import asyncio
import contextlib
import functools
import logging
import socket
from collections.abc import AsyncIterator, Awaitable, Callable

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.client_reqrep import ClientRequest
from aiohttp.tracing import Trace

from linkerd_kube import resources
from linkerd_kube.client import KubeClient
from linkerd_kube.errors import ApiError

log = logging.getLogger(__name__)

_DATA, _ERROR = 0, 1
_READ = 65536
_POST_SECONDS = 60.0
_MOST_SAID = 4096  # of an error's body: a problem document whole


class PortForwardError(ApiError):
    """The pod's side refused: nothing listens on the port, or the pod is gone."""

    def __init__(self, message: str) -> None:
        super().__init__(0, "PortForward", message)


class Tunnel:
    """One forwarded connection; `sock` is ours to read and write. `error` is what the pod's side complained of."""

    def __init__(self, websocket: aiohttp.ClientWebSocketResponse) -> None:
        self.sock, self._far = socket.socketpair()
        self.sock.setblocking(False)
        self._far.setblocking(False)
        self.error = ""
        self._websocket = websocket
        self._pump = asyncio.create_task(self._run())
        _pumps.add(self._pump)
        self._pump.add_done_callback(_pumps.discard)

    @property
    def closed(self) -> bool:
        """Whether the connection has ended."""
        return self._pump.done()

    async def close(self) -> None:
        """End the connection; idempotent."""
        self._pump.cancel()
        await asyncio.wait((self._pump,))

    async def _run(self) -> None:
        try:
            up = asyncio.create_task(self._up())
            try:
                await self._down()
            finally:
                up.cancel()
                await asyncio.wait((up,))
        finally:
            self._far.close()
            await self._websocket.close()

    async def _up(self) -> None:
        """Ours to the pod's, until our end closes: then, as there is no half-close on this wire, all of it ends."""
        loop = asyncio.get_running_loop()
        with contextlib.suppress(OSError, aiohttp.ClientError):
            while data := await loop.sock_recv(self._far, _READ):
                await self._websocket.send_bytes(bytes((_DATA,)) + data)
            await self._websocket.close()

    async def _down(self) -> None:
        loop = asyncio.get_running_loop()
        begun: set[int] = set()
        async for message in self._websocket:
            if message.type is not aiohttp.WSMsgType.BINARY or not message.data:
                continue
            channel, data = message.data[0], message.data[1:]
            if channel not in begun:
                begun.add(channel)  # the port
                continue
            if channel == _DATA:
                try:
                    await loop.sock_sendall(self._far, data)
                except OSError:
                    return
            elif channel == _ERROR and data:
                self.error += data.decode("utf-8", "replace")
                return


# The loop keeps only weak references to tasks.
_pumps: set[asyncio.Task[None]] = set()


async def tunnel(client: KubeClient, namespace: str, pod: str, port: int) -> Tunnel:
    """Open one connection to a pod's port. Raises ApiError (NotFound, Forbidden …).

    That nothing listens is known only later: the socket ends and `error` says why.
    """
    path = resources.PODS.path(namespace, pod, "portforward")
    return Tunnel(await client.websocket(path, {"ports": str(port)}))


async def forward(
    client: KubeClient, namespace: str, pod: str, port: int
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """One connection as a reader and a writer; closing the writer ends it."""
    opened = await tunnel(client, namespace, pod, port)
    return await asyncio.open_connection(sock=opened.sock)


class ForwardedConnector(aiohttp.BaseConnector):
    """An aiohttp connector whose every connection goes to one pod's port, whatever host the URL names."""

    def __init__(self, client: KubeClient, namespace: str, pod: str, port: int) -> None:
        super().__init__()
        self._open = functools.partial(tunnel, client, namespace, pod, port)
        self._protocol = functools.partial(ResponseHandler, loop=self._loop)
        self.tunnels: list[Tunnel] = []
        """Newest last; its `error` explains a failed request."""

    async def _create_connection(
        self, req: ClientRequest, traces: list[Trace], timeout: aiohttp.ClientTimeout
    ) -> ResponseHandler:
        self.tunnels = [t for t in self.tunnels if not t.closed]
        opened = await self._open()
        self.tunnels.append(opened)
        _, protocol = await self._loop.create_connection(self._protocol, sock=opened.sock)
        return protocol


@contextlib.asynccontextmanager
async def session(client: KubeClient, namespace: str, pod: str, port: int) -> AsyncIterator[aiohttp.ClientSession]:
    """An aiohttp session to a pod's port; use paths alone ("/metrics"). Failures of the tunnel are ApiErrors.

    The Host is localhost, as through kubectl's: it is the pod's loopback that is reached.
    """
    connector = ForwardedConnector(client, namespace, pod, port)
    async with aiohttp.ClientSession(base_url=f"http://localhost:{port}", connector=connector) as http:
        try:
            yield http
        except (aiohttp.ClientError, OSError) as error:
            said = connector.tunnels[-1].error if connector.tunnels else ""
            reason = said or str(error) or type(error).__name__
            raise PortForwardError(f"{namespace}/{pod}:{port}: {reason.strip()}") from error
        finally:
            for opened in connector.tunnels:
                await opened.close()


async def http_get(
    client: KubeClient, namespace: str, pod: str, port: int, path: str, timeout_seconds: float = 30.0
) -> bytes:
    """The body of `GET path` from a pod. Raises ApiError, also for an HTTP status of 400 and more, with that status."""
    timeout = aiohttp.ClientTimeout(total=timeout_seconds)
    async with session(client, namespace, pod, port) as http, http.get(path, timeout=timeout) as response:
        return await _body(response)


async def http_post(client: KubeClient, namespace: str, pod: str, port: int, path: str, data: bytes) -> bytes:
    """The same for `POST path`."""
    timeout = aiohttp.ClientTimeout(total=_POST_SECONDS)
    async with session(client, namespace, pod, port) as http, http.post(path, data=data, timeout=timeout) as response:
        return await _body(response)


async def _body(response: aiohttp.ClientResponse) -> bytes:
    body = await response.read()
    if response.status >= 400:
        raise ApiError(response.status, response.reason or "", body[:_MOST_SAID].decode("utf-8", "replace").strip())
    return body


Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@contextlib.asynccontextmanager
async def listen(
    connect: Callable[[], Awaitable[Connection]], *, host: str = "127.0.0.1", local_port: int = 0
) -> AsyncIterator[int]:
    """Serve a local port, each connection forwarded to one that `connect` opens (`forward`, to a pod that is there by
    then); where that raises an ApiError the connection ends. Yields the local port. Raises OSError if it is taken.
    """
    open_now: set[asyncio.Task[None]] = set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(_carry(connect, reader, writer))
        open_now.add(task)
        task.add_done_callback(open_now.discard)

    server = await asyncio.start_server(accept, host, local_port)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in open_now:
            task.cancel()
        await asyncio.gather(*open_now, return_exceptions=True)


async def _carry(
    connect: Callable[[], Awaitable[Connection]], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """There is no half-close on this wire: what has ended one way has ended both ways."""
    try:
        far_reader, far_writer = await connect()
        copies = [asyncio.create_task(_copy(*ends)) for ends in ((reader, far_writer), (far_reader, writer))]
        try:
            await asyncio.wait(copies, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for copy in copies:
                copy.cancel()
            await asyncio.wait(copies)
            far_writer.close()
    except ApiError as error:
        log.info("a forwarded connection could not be opened: %s", error)
    finally:
        writer.close()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(_READ):
            writer.write(data)
            await writer.drain()
