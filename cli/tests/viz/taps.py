"""An API server that answers taps: the events that it is given, and what it was asked."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web
from cli.tests.terminal import Terminal

from linkerd_contract.codec import decode, encode
from linkerd_contract.tap import (
    TapDirection,
    TapEvent,
    TapPeer,
    TapRequestInit,
    TapResponseEnd,
    TapResponseInit,
)
from linkerd_contract.viz import TapQuery
from linkerd_runtime.process import serve

SOURCE = TapPeer("10.42.0.9", 40000, {"deployment": "vote-bot", "pod": "vote-bot-1", "tls": "true"})
DESTINATION = TapPeer("10.42.0.12", 8080, {"deployment": "web", "pod": "web-1"})


def exchange(stream: int = 0, dropped: int = 0) -> list[TapEvent]:
    """A request and its response."""
    parts = (
        {"request_init": TapRequestInit("GET", "http", "web-svc:80", "/api/list")},
        {"response_init": TapResponseInit(1900, 200)},
        {"response_end": TapResponseEnd(2000, 100, 5)},
    )
    return [TapEvent(TapDirection.inbound, SOURCE, DESTINATION, 1, stream, dropped=dropped, **part) for part in parts]


class Taps:
    """`refuse`: a status and its message. `hold`: go on without an event until the client leaves."""

    def __init__(self) -> None:
        self.events = exchange()
        self.warnings: list[str] = []
        self.refuse: tuple[int, str] | None = None
        self.hold = False
        self.asked: list[tuple[str, TapQuery]] = []

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """A tap."""
        self.asked.append((request.path, decode(await request.read(), TapQuery)))
        if self.refuse is not None:
            status, message = self.refuse
            return web.json_response({"kind": "Status", "code": status, "message": message}, status=status)
        response = web.StreamResponse()
        for warning in self.warnings:
            response.headers.add("Warning", f'299 - "{warning}"')
        await response.prepare(request)
        for event in self.events:
            await response.write(encode(event) + b"\n\n")
        while self.hold and request.transport is not None and not request.transport.is_closing():
            await asyncio.sleep(0.05)
        return response


async def _config(_request: web.Request) -> web.Response:
    return web.json_response({"data": {"values": '{"clusterDomain": "cluster.local"}'}})


@asynccontextmanager
async def tapping(terminal: Terminal) -> AsyncIterator[Taps]:
    """The terminal's cluster."""
    taps = Taps()
    app = web.Application()
    app.router.add_post("/{path:.*}", taps.handle)
    app.router.add_get("/api/v1/namespaces/linkerd/configmaps/linkerd-config", _config)
    runner = await serve(app, "127.0.0.1", 0)
    terminal.connect(f"http://127.0.0.1:{runner.addresses[0][1]}")
    try:
        yield taps
    finally:
        await runner.cleanup()
