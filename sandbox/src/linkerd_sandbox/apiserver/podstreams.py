"""Streams of a pod: its log and forwarded ports."""

import asyncio

from aiohttp import web

from linkerd_sandbox.apiserver import status
from linkerd_sandbox.apiserver.call import Call
from linkerd_sandbox.apiserver.kinds import ResourceType
from linkerd_sandbox.apiserver.node import NodeBackend
from linkerd_sandbox.apiserver.objects import JsonObject, dig_list
from linkerd_sandbox.apiserver.requests import RequestInfo, truthy
from linkerd_sandbox.apiserver.resources import Resources

_DEFAULT_CONTAINER = "kubectl.kubernetes.io/default-container"


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
        """Forwarded ports."""
        raise status.not_implemented("pods/portforward")


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
