"""Who says nothing is shown out; who asks may stay."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from linkerd_runtime import silent
from linkerd_runtime.process import serve
from linkerd_runtime.silent import SilentConnections

REQUEST = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"


@pytest.fixture
async def port(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[int]:
    monkeypatch.setattr(silent, "SECONDS", 0.1)
    watch = SilentConnections()

    async def hello(_request: web.Request) -> web.Response:
        return web.Response(text="hello")

    app = web.Application(middlewares=[watch.middleware])
    app.router.add_get("/", hello)
    runner = await serve(app, "127.0.0.1", 0)
    task = asyncio.ensure_future(watch.run(runner))
    yield int(runner.addresses[0][1])
    task.cancel()
    await asyncio.wait({task})
    await runner.cleanup()


@pytest.mark.parametrize("said", [b"", REQUEST[:-2]])
async def test_silent_ones_are_ended(port: int, said: bytes) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(said)
    async with asyncio.timeout(30):
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await reader.readexactly(1)
    writer.close()


async def test_who_has_asked_may_ask_again(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    other, silent_writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(REQUEST)
    assert (await reader.readuntil(b"hello")).startswith(b"HTTP/1.1 200")
    # When the silent one beside it is ended, this one has been looked at as often.
    async with asyncio.timeout(30):
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await other.readexactly(1)
    silent_writer.close()
    writer.write(REQUEST)
    assert (await reader.readuntil(b"hello")).startswith(b"HTTP/1.1 200")
    writer.close()
