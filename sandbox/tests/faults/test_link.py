"""Connections that pass a gate, against a real HTTPS server."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from linkerd_sandbox.apiserver.certificates import Authority, server_context
from linkerd_sandbox.faults.gate import Gate
from linkerd_sandbox.faults.link import GatedConnector


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[tuple[str, ssl.SSLContext]]:
    authority = Authority("ca")
    authority.issue("s", ["127.0.0.1"], tmp_path / "crt", tmp_path / "key")

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"first\n")
        if request.path == "/watch":
            await asyncio.get_running_loop().create_future()
        return response

    runner = web.ServerRunner(web.Server(handle, handler_cancellation=True))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=server_context(tmp_path / "crt", tmp_path / "key"))
    await site.start()
    host, port = runner.addresses[0][:2]
    yield f"https://{host}:{port}", ssl.create_default_context(cadata=authority.pem)
    await runner.cleanup()


async def test_a_partition_ends_a_watch_and_refuses_until_it_heals(server: tuple[str, ssl.SSLContext]) -> None:
    url, context = server
    gate = Gate()
    async with aiohttp.ClientSession(connector=GatedConnector(gate, context)) as session:
        async with session.get(f"{url}/watch") as watch:
            assert await watch.content.readline() == b"first\n"
            gate.set("partition")
            with pytest.raises(aiohttp.ClientError):
                await asyncio.wait_for(watch.content.readline(), 30)
        with pytest.raises(aiohttp.ClientConnectionError, match="chaos"):
            await session.get(url)
        gate.set("")
        async with session.get(url) as answer:
            assert await answer.text() == "first\n"


async def test_a_pause_holds_a_request_on_a_kept_connection(server: tuple[str, ssl.SSLContext]) -> None:
    url, context = server
    gate = Gate()
    async with aiohttp.ClientSession(connector=GatedConnector(gate, context)) as session:
        async with session.get(url) as answer:
            await answer.read()
        gate.set("pause")
        asked = asyncio.create_task(session.get(url))
        await asyncio.sleep(0.05)
        assert not asked.done()
        gate.set("")
        assert (await asyncio.wait_for(asked, 30)).status == 200
