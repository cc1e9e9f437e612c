"""Streams of a pod: its log and forwarded ports."""

import asyncio
import logging
from collections.abc import Coroutine

from aiohttp import WSMsgType, web

from linkerd_sandbox.apiserver import status
from linkerd_sandbox.apiserver.call import Call
from linkerd_sandbox.apiserver.kinds import ResourceType
from linkerd_sandbox.apiserver.node import NodeBackend
from linkerd_sandbox.apiserver.objects import JsonObject, dig, dig_list
from linkerd_sandbox.apiserver.portforward import channels, streams
from linkerd_sandbox.apiserver.portforward.spdy import ProtocolError
from linkerd_sandbox.apiserver.portforward.streams import StreamForwarder
from linkerd_sandbox.apiserver.portforward.target import Target
from linkerd_sandbox.apiserver.portforward.upgrade import Switched, send
from linkerd_sandbox.apiserver.requests import RequestInfo, truthy
from linkerd_sandbox.apiserver.resources import Resources

log = logging.getLogger(__name__)


class PodStreams:
    """Serves logs and port-forwards from the node."""

    def __init__(self, resources: Resources, node: NodeBackend, stopping: asyncio.Event) -> None:
        self._resources = resources
        self._node = node
        self._stopping = stopping

    async def log(
        self, request: web.BaseRequest, info: RequestInfo, kind: ResourceType, call: Call
    ) -> web.StreamResponse:
        """`GET pods/NAME/log`: plain text, followed on demand."""
        query = request.query
        pod = self._resources.get(kind, info.namespace, info.name).body
        container = query.get("container") or _only_container(pod)
        _check_container(pod, container)
        chunks = self._node.logs(
            info.namespace,
            info.name,
            container,
            follow=truthy(query.get("follow", "false")),
            tail_lines=_number(query.get("tailLines")),
            previous=truthy(query.get("previous", "false")),
            timestamps=truthy(query.get("timestamps", "false")),
            since_seconds=_number(query.get("sinceSeconds")),
        )
        response = web.StreamResponse(headers={"Content-Type": "text/plain"})
        response.enable_chunked_encoding()
        iterator = aiter(chunks)
        first = await anext(iterator, b"")  # an error before the first byte is still an HTTP error
        await response.prepare(request)
        if first:
            await response.write(first)
        async for chunk in iterator:
            await response.write(chunk)
            if self._stopping.is_set():
                break
        await response.write_eof()
        return response

    async def port_forward(
        self, request: web.BaseRequest, info: RequestInfo, kind: ResourceType, call: Call
    ) -> web.StreamResponse:
        """`pods/NAME/portforward`, in whichever protocol the client upgrades to."""
        pod = self._resources.get(kind, info.namespace, info.name).body
        if dig(pod, "status", "phase") != "Running":
            phase = dig(pod, "status", "phase")
            raise status.bad_request(f"unable to forward port because pod is not running. Current status={phase}")
        target = Target(self._node, info.namespace, info.name, pod["metadata"]["uid"])
        upgrade = request.headers.get("Upgrade", "").lower()
        if upgrade == "websocket":
            return await self._web_socket(request, target)
        if upgrade == "spdy/3.1":
            return await self._spdy(request, target)
        raise status.bad_request("Upgrade request required")

    async def _web_socket(self, request: web.BaseRequest, target: Target) -> web.StreamResponse:
        offered = [item.strip() for item in request.headers.get("Sec-WebSocket-Protocol", "").split(",")]
        tunnel = f"SPDY/3.1+{streams.PROTOCOL}"
        if not any(item in (tunnel, *channels.PROTOCOLS) for item in offered):
            raise status.bad_request(f"unable to upgrade: unable to negotiate protocol: client supports {offered}")
        ports = [int(port) for text in request.query.getall("ports", []) for port in text.split(",") if port.isdigit()]
        if tunnel not in offered and not ports:
            raise status.bad_request('query parameter "ports" is required')
        socket = web.WebSocketResponse(protocols=[tunnel, *channels.PROTOCOLS], max_msg_size=0)
        await socket.prepare(request)
        if socket.ws_protocol == tunnel:
            forwarder = StreamForwarder(target, socket.send_bytes)
            try:
                await self._until_stopped(self._tunnel(socket, forwarder))
            finally:
                await forwarder.close()
        else:
            await self._until_stopped(channels.serve(socket, ports, target))
        await socket.close()
        return socket

    @staticmethod
    async def _tunnel(socket: web.WebSocketResponse, forwarder: StreamForwarder) -> None:
        async for message in socket:
            if message.type is WSMsgType.BINARY:
                await forwarder.feed(message.data)

    async def _spdy(self, request: web.BaseRequest, target: Target) -> web.StreamResponse:
        protocol = request.headers.get("X-Stream-Protocol-Version", "")
        if streams.PROTOCOL not in [item.strip() for item in protocol.split(",")]:
            raise status.StatusError(
                403,
                "Forbidden",
                "unable to upgrade: unable to negotiate protocol: "
                f"client supports [{protocol}], server accepts [{streams.PROTOCOL}]",
            )
        answer = Switched(streams.PROTOCOL)
        pipe = await answer.open(request)
        forwarder = StreamForwarder(target, lambda data: send(request, data))

        async def pump() -> None:
            while data := await pipe.read():
                await forwarder.feed(data)

        try:
            await self._until_stopped(pump())
        finally:
            await forwarder.close()
            if request.transport is not None:
                request.transport.close()
        return answer

    async def _until_stopped(self, work: Coroutine[None, None, None]) -> None:
        """Run until the work is done, the client goes, or the server stops."""
        stopping = asyncio.create_task(self._stopping.wait())
        task = asyncio.create_task(work)
        try:
            await asyncio.wait([task, stopping], return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopping.cancel()
            task.cancel()
            results = await asyncio.gather(task, stopping, return_exceptions=True)
        if isinstance(results[0], ProtocolError):
            log.warning("port-forward ended: %s", results[0])


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isdigit() else None


def _containers(pod: JsonObject) -> list[str]:
    spec = pod.get("spec", {})
    return [c["name"] for key in ("containers", "initContainers", "ephemeralContainers") for c in dig_list(spec, key)]


def _only_container(pod: JsonObject) -> str:
    containers = dig_list(pod, "spec", "containers")
    if len(containers) == 1:
        return str(containers[0]["name"])
    names, name = [c["name"] for c in containers], pod["metadata"]["name"]
    inits = [c["name"] for c in dig_list(pod, "spec", "initContainers")]
    text = f"a container name must be specified for pod {name}, choose one of: [{' '.join(names)}]"
    if inits:
        text += f" or one of the init containers: [{' '.join(inits)}]"
    raise status.bad_request(text)


def _check_container(pod: JsonObject, container: str) -> None:
    if container not in _containers(pod):
        raise status.bad_request(f"container {container} is not valid for pod {pod['metadata']['name']}")
