"""`GET /v1/watch` on HTTPS :8086. TLS has checked the client's chain; here its name is read."""

import asyncio
import logging

from aiohttp import web

from linkerd_contract import names
from linkerd_contract.watch import WATCH_PATH
from linkerd_destination.api.connection import Connection
from linkerd_destination.api.metrics import Metrics
from linkerd_destination.api.topics import Topics
from linkerd_destination.index.config import ClusterConfig
from linkerd_runtime.problem import problem_middleware, problem_response

log = logging.getLogger(__name__)

_MAX_MESSAGE = 4 << 20  # a hello that knows ten thousand targets


class WatchServer:
    """The aiohttp application for proxies."""

    def __init__(self, topics: Topics, metrics: Metrics, config: ClusterConfig) -> None:
        self._topics = topics
        self._metrics = metrics
        self._config = config
        self._stopping = asyncio.Event()
        self.app = web.Application(middlewares=[problem_middleware])
        self.app.router.add_get(WATCH_PATH, self._watch)
        self.app.on_shutdown.append(self._shutdown)

    async def _shutdown(self, _app: web.Application) -> None:
        """Proxies reconnect elsewhere at once instead of waiting for silence."""
        self._stopping.set()

    async def _watch(self, request: web.Request) -> web.StreamResponse:
        identity = peer_identity(request)
        workload = parse_identity(identity, self._config) if identity else None
        if workload is None:
            self._metrics.refused.labels("identity").inc()
            return problem_response(
                403, "forbidden", "Forbidden", f"{identity or 'no name in the certificate'} is no workload of this mesh"
            )
        # Deltas of one loop turn are small and often; compressing them costs more than it saves in a cluster.
        websocket = web.WebSocketResponse(autoping=False, compress=False, max_msg_size=_MAX_MESSAGE, timeout=1.0)
        await websocket.prepare(request)
        connection = Connection(websocket, self._topics, self._metrics, *workload)
        try:
            await connection.run(self._stopping)
        finally:
            if self._stopping.is_set() and not websocket.closed:
                await websocket.close(code=1001)
            if request.transport is not None and not websocket.closed:
                request.transport.abort()
        return websocket


def peer_identity(request: web.Request) -> str:
    """The first DNS name in the client's certificate; "" where there is none."""
    certificate = request.get_extra_info("peercert")
    for kind, value in (certificate or {}).get("subjectAltName", ()):
        if kind == "DNS":
            return str(value)
    return ""


def parse_identity(identity: str, config: ClusterConfig) -> tuple[str, str] | None:
    """Service account and namespace of SA.NS.serviceaccount.identity.CPNS.TD; None where it is not of this mesh."""
    suffix = names.identity_name("", "", config.control_plane_namespace, config.trust_domain).lstrip(".")
    head = identity.removesuffix(f".{suffix}")
    # A service account's name may hold dots, a namespace's may not.
    account, dot, namespace = head.rpartition(".")
    if head == identity or not dot or not account or not namespace:
        return None
    return account, namespace
