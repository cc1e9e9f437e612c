"""The kubelet's own HTTPS port, by which a real kube-apiserver reaches logs, exec, attach and port-forward.

Paths and parameters are those of k8s.io/kubernetes/pkg/kubelet/server. Whoever connects needs a client certificate of
the cluster's CA, which kube-apiserver alone has. The embedded API server shares a process with the kubelet and does
without this.
"""

import asyncio
import logging
import ssl
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Final, NamedTuple

from aiohttp import web
from yarl import URL

from linkerd_runtime.bad_requests import guard
from linkerd_sandbox.apiserver.call import Call
from linkerd_sandbox.apiserver.certificates import server_context
from linkerd_sandbox.apiserver.identity import ANONYMOUS
from linkerd_sandbox.apiserver.kinds import BUILT_IN, ResourceType
from linkerd_sandbox.apiserver.node import NodeBackend
from linkerd_sandbox.apiserver.objects import JsonObject
from linkerd_sandbox.apiserver.podstreams import PodStreams
from linkerd_sandbox.apiserver.requests import RequestInfo
from linkerd_sandbox.apiserver.status import StatusError, not_found

log = logging.getLogger(__name__)
PORT: Final = 10250
_PODS: Final = next(kind for kind in BUILT_IN if kind.qualified == "pods")
_NAMES: Final = {"input": "stdin", "output": "stdout", "error": "stderr", "port": "ports"}
"""Parameters that the kubelet calls otherwise than the API."""
Find = Callable[[str, str], JsonObject | None]
"""(namespace, name) -> the pod."""


class Asked(NamedTuple):
    """What a path and its parameters ask for, in the API's terms."""

    what: str
    namespace: str
    pod: str
    query: list[tuple[str, str]]


def parse(path: str, query: Mapping[str, str] | list[tuple[str, str]]) -> Asked | None:
    """None for a path that is not one of ours."""
    parts = path.strip("/").split("/")
    pairs = list(query.items()) if isinstance(query, Mapping) else list(query)
    renamed = [(_NAMES.get(key, key), value) for key, value in pairs]
    match parts:
        case ["containerLogs", namespace, pod, container]:
            return Asked("log", namespace, pod, [*renamed, ("container", container)])
        case ["exec" | "attach" as what, namespace, pod, container]:
            return Asked(what, namespace, pod, [*renamed, ("container", container)])
        case ["exec" | "attach" as what, namespace, pod, _uid, container]:
            return Asked(what, namespace, pod, [*renamed, ("container", container)])
        case ["portForward", namespace, pod] | ["portForward", namespace, pod, _]:
            return Asked("portforward", namespace, pod, renamed)
        case _:
            return None


class _Pod(NamedTuple):
    body: JsonObject


class _Pods:
    def __init__(self, find: Find) -> None:
        self._find = find

    def get(self, _kind: ResourceType, namespace: str, name: str, /) -> _Pod:
        found = self._find(namespace, name)
        if found is None:
            raise not_found("pods", name)
        return _Pod(found)


class KubeletServer:
    """Serves until it is stopped."""

    def __init__(self, find: Find, node: NodeBackend) -> None:
        self._runner: web.ServerRunner | None = None
        streams = PodStreams(_Pods(find), node, asyncio.Event())
        self._handlers: dict[
            str, Callable[[web.BaseRequest, RequestInfo, ResourceType, Call], Awaitable[web.StreamResponse]]
        ] = {
            "log": streams.log,
            "exec": streams.execute,
            "attach": streams.attach,
            "portforward": streams.port_forward,
        }

    async def start(self, address: tuple[str, int], pair: tuple[Path, Path], ca_pem: str) -> None:
        """Raises OSError."""
        context = server_context(*pair)
        context.load_verify_locations(cadata=ca_pem)
        context.verify_mode = ssl.CERT_REQUIRED
        self._runner = web.ServerRunner(web.Server(self._handle, access_log=None, handler_cancellation=True))
        await self._runner.setup()
        guard(self._runner.server)
        await web.TCPSite(self._runner, *address, ssl_context=context).start()

    async def stop(self) -> None:
        """Close the port and what is open on it."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        asked = parse(request.path, list(request.query.items()))
        if asked is None or asked.what not in self._handlers:
            return web.Response(status=404, text=f"{request.path}: the sandbox's kubelet does not serve this")
        info = RequestInfo("get", request.path, True, "", "v1", "pods", asked.namespace, asked.pod, asked.what)
        again = request.clone(rel_url=URL.build(path=request.path, query=asked.query))
        try:
            return await self._handlers[asked.what](again, info, _PODS, Call(ANONYMOUS))
        except StatusError as error:
            return web.Response(status=error.code, text=error.message)
