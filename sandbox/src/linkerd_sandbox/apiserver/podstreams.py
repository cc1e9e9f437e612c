"""Streams of a pod: its log, forwarded ports, commands in it, its own input and output."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Coroutine, Mapping
from datetime import datetime
from typing import Protocol

from aiohttp import WSMsgType, web

from linkerd_sandbox.apiserver import status
from linkerd_sandbox.apiserver.call import Call
from linkerd_sandbox.apiserver.execution import channels as execution
from linkerd_sandbox.apiserver.execution import streams as exec_streams
from linkerd_sandbox.apiserver.execution.session import Start
from linkerd_sandbox.apiserver.kinds import ResourceType
from linkerd_sandbox.apiserver.node import Execution, NodeBackend
from linkerd_sandbox.apiserver.objects import JsonObject, dig, dig_list
from linkerd_sandbox.apiserver.portforward import channels, streams
from linkerd_sandbox.apiserver.portforward.spdy import ProtocolError
from linkerd_sandbox.apiserver.portforward.streams import StreamForwarder
from linkerd_sandbox.apiserver.portforward.target import Target
from linkerd_sandbox.apiserver.portforward.upgrade import Switched, send
from linkerd_sandbox.apiserver.requests import RequestInfo, number, truthy

log = logging.getLogger(__name__)


class Bodied(Protocol):
    """Something with an object in it."""

    @property
    def body(self) -> JsonObject: ...


class Pods(Protocol):
    """Where pods are looked up: the API server's store, or the kubelet's own."""

    def get(self, kind: ResourceType, namespace: str, name: str, /) -> Bodied:
        """Raises `StatusError` 404."""


class PodStreams:
    """Serves logs, port-forwards, exec and attach from the node."""

    def __init__(self, resources: Pods, node: NodeBackend, stopping: asyncio.Event) -> None:
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
        if not dig(pod, "spec", "nodeName"):
            return web.Response(status=204)  # nobody has written anything
        limit = number(query, "limitBytes")
        chunks = self._node.logs(
            info.namespace,
            info.name,
            container,
            follow=truthy(query.get("follow", "false")),
            tail_lines=number(query, "tailLines"),
            previous=truthy(query.get("previous", "false")),
            timestamps=truthy(query.get("timestamps", "false")),
            since=_since(query),
        )
        response = web.StreamResponse(headers={"Content-Type": "text/plain"})
        response.enable_chunked_encoding()
        iterator = aiter(chunks if limit is None else _limited(chunks, limit))
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

    async def execute(
        self, request: web.BaseRequest, info: RequestInfo, kind: ResourceType, call: Call
    ) -> web.StreamResponse:
        """`pods/NAME/exec`, in whichever protocol the client upgrades to."""
        query = request.query
        pod = self._resources.get(kind, info.namespace, info.name).body
        container = query.get("container") or _only_container(pod)
        _check_container(pod, container)
        _check_assigned(pod)
        command = query.getall("command", [])
        if not command:
            raise status.bad_request("you must specify at least one command for the container")
        phase = dig(pod, "status", "phase")
        if phase in ("Succeeded", "Failed"):
            raise status.bad_request(f"cannot exec into a container in a completed pod; current phase is {phase}")
        asked = _asked(query)

        async def start() -> Execution:
            return await self._node.execute(
                info.namespace, info.name, container, command, stdin="stdin" in asked, tty="tty" in asked
            )

        return await self._session(request, asked, start)

    async def attach(
        self, request: web.BaseRequest, info: RequestInfo, kind: ResourceType, call: Call
    ) -> web.StreamResponse:
        """`pods/NAME/attach`: the container's own streams."""
        pod = self._resources.get(kind, info.namespace, info.name).body
        container = request.query.get("container") or _only_container(pod)
        _check_container(pod, container)
        _check_assigned(pod)
        phase = dig(pod, "status", "phase")
        if phase in ("Succeeded", "Failed"):
            raise status.bad_request(f"cannot attach to a container in a completed pod; current phase is {phase}")
        asked = _asked(request.query)

        async def start() -> Execution:
            return await self._node.attach(info.namespace, info.name, container, stdin="stdin" in asked)

        return await self._session(request, asked, start)

    async def _session(self, request: web.BaseRequest, asked: set[str], start: Start) -> web.StreamResponse:
        upgrade = request.headers.get("Upgrade", "").lower()
        if upgrade == "websocket":
            socket = web.WebSocketResponse(protocols=execution.PROTOCOLS, max_msg_size=0, autoping=False)
            await socket.prepare(request)
            await self._until_stopped(execution.serve(socket, start))
            await socket.close()
            return socket
        if upgrade != "spdy/3.1":
            raise status.bad_request("Upgrade request required")
        expected = {"error", *(asked - {"tty"}), *(["resize"] if "tty" in asked else [])}
        return await self._exec_spdy(request, expected, start)

    async def _exec_spdy(self, request: web.BaseRequest, expected: set[str], start: Start) -> web.StreamResponse:
        answer = Switched(exec_streams.PROTOCOL)
        pipe = await answer.open(request)
        streams_of = exec_streams.ExecStreams(expected, start, lambda data: send(request, data))

        async def pump() -> None:
            while data := await pipe.read():
                await streams_of.feed(data)

        async def both() -> None:
            tasks = [asyncio.create_task(pump()), asyncio.create_task(streams_of.run())]
            try:
                await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)

        try:
            await self._until_stopped(both())
        finally:
            if request.transport is not None:
                request.transport.close()
        return answer

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


def _asked(query: Mapping[str, str]) -> set[str]:
    """Of stdin, stdout, stderr and tty; a terminal has no standard error of its own."""
    asked = {name for name in ("stdin", "stdout", "stderr", "tty") if truthy(query.get(name, "false"))}
    return asked - {"stderr"} if "tty" in asked else asked


def _since(query: Mapping[str, str]) -> float | None:
    """Unix seconds of `sinceSeconds` or `sinceTime`. Raises `StatusError` 400."""
    seconds, moment = number(query, "sinceSeconds"), query.get("sinceTime")
    if seconds is not None and moment:
        raise status.bad_request("only one of sinceTime or sinceSeconds may be specified")
    if moment:
        try:
            return datetime.fromisoformat(moment).timestamp()
        except ValueError:
            raise status.bad_request(f"sinceTime: {moment!r} is not an RFC 3339 time") from None
    return None if seconds is None else time.time() - seconds


async def _limited(chunks: AsyncIterator[bytes], limit: int) -> AsyncIterator[bytes]:
    """The first `limit` bytes."""
    async for chunk in chunks:
        yield chunk[:limit]
        limit -= len(chunk)
        if limit <= 0:
            return


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


def _check_assigned(pod: JsonObject) -> None:
    if not dig(pod, "spec", "nodeName"):
        raise status.bad_request(f"pod {pod['metadata']['name']} does not have a host assigned")


def _check_container(pod: JsonObject, container: str) -> None:
    if container not in _containers(pod):
        raise status.bad_request(f"container {container} is not valid for pod {pod['metadata']['name']}")
