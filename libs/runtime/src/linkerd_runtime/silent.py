"""Connections on which nothing is asked: whoever reaches a listener can open them, and each costs memory."""

import asyncio
import logging

from aiohttp import web
from aiohttp.web_protocol import RequestHandler

from linkerd_runtime.problem import Handler

log = logging.getLogger(__name__)

SECONDS = 10.0
"""How long a connection may be silent before its first request is read whole; twice that at most."""


class SilentConnections:
    """Ends them. Connections that have asked something are left to aiohttp's keep-alive time."""

    def __init__(self) -> None:
        self._spoke: set[object] = set()
        self._seen: set[RequestHandler] = set()

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Notes who speaks: the first of the application's middlewares."""
        self._spoke.add(request.protocol)
        return await handler(request)

    async def run(self, runner: web.AppRunner) -> None:
        """Forever, on the runner's connections."""
        while True:
            await asyncio.sleep(SECONDS)
            assert runner.server is not None
            self._sweep(set(runner.server.connections))

    def _sweep(self, current: set[RequestHandler]) -> None:
        self._spoke &= current
        silent = {connection for connection in current if connection not in self._spoke}
        over = silent & self._seen
        for connection in over:
            if connection.transport is not None:
                connection.transport.abort()
        if over:
            log.info("%d connections ended on which nothing was asked", len(over))
        self._seen = silent - over
