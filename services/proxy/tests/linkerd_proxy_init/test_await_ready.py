"""linkerd-await: waits for /ready, then ends, runs a program, or gives up with 69."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from linkerd_proxy_init.await_ready import EX_UNAVAILABLE, run
from linkerd_testkit.ports import eventually, free_port
from linkerd_testkit.processes import Process, running


class Proxy:
    """A stand-in's admin server."""

    def __init__(self) -> None:
        self.ready = False
        self.asked = 0
        self.shutdowns = 0

    async def on_ready(self, _: web.Request) -> web.Response:
        self.asked += 1
        return web.Response(status=200 if self.ready else 503)

    async def on_shutdown(self, _: web.Request) -> web.Response:
        self.shutdowns += 1
        return web.Response()

    @asynccontextmanager
    async def serve(self) -> AsyncIterator[int]:
        app = web.Application()
        app.router.add_get("/ready", self.on_ready)
        app.router.add_post("/shutdown", self.on_shutdown)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "localhost", port := free_port()).start()
        try:
            yield port
        finally:
            await runner.cleanup()


@asynccontextmanager
async def awaiting(port: int, *arguments: str) -> AsyncIterator[Process]:
    command = [sys.executable, "-m", "linkerd_proxy_init.await_ready", f"--port={port}", "--backoff=10ms"]
    async with running(*command, *arguments) as process:
        yield process


async def test_it_waits() -> None:
    proxy = Proxy()
    async with proxy.serve() as port, awaiting(port, "--timeout=2m") as process:
        await eventually(lambda: proxy.asked >= 2)
        assert process.returncode is None
        proxy.ready = True
        assert await process.wait() == 0


async def test_it_runs_the_program_in_its_place() -> None:
    proxy = Proxy()
    proxy.ready = True
    async with proxy.serve() as port, awaiting(port, "--", "sh", "-c", "echo ran; exit 3") as process:
        assert await process.wait() == 3
        assert "ran" in process.output


async def test_it_shuts_the_proxy_down_after_the_program() -> None:
    proxy = Proxy()
    proxy.ready = True
    async with proxy.serve() as port, awaiting(port, "--shutdown", "--", "sh", "-c", "exit 4") as process:
        assert await process.wait() == 4
        assert proxy.shutdowns == 1


async def test_it_gives_up() -> None:
    proxy = Proxy()
    async with proxy.serve() as port, awaiting(port, "--timeout=100ms") as process:
        assert await process.wait() == EX_UNAVAILABLE
        assert "not ready" in process.output
    async with awaiting(free_port(), "--timeout=100ms") as process:
        assert await process.wait() == EX_UNAVAILABLE


@pytest.mark.parametrize("name", ["LINKERD_AWAIT_DISABLED", "LINKERD_DISABLED"])
async def test_it_may_be_disabled(name: str) -> None:
    assert await asyncio.to_thread(run, [f"--port={free_port()}"], {name: "1"}) == 0


async def test_a_program_that_is_not_there() -> None:
    assert await asyncio.to_thread(run, ["--", "/no/such/program"], {"LINKERD_DISABLED": "1"}) == 127
