"""Port-forward through a fake API server to a server of the test's."""

import asyncio
import functools
from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from libs.kube.tests.fake_api import FakeApi

from linkerd_kube import ApiError, KubeClient, portforward


@pytest.fixture
async def pod(api: FakeApi) -> AsyncIterator[TestServer]:
    async def echo(request: web.Request) -> web.Response:
        return web.Response(body=(request.path_qs.encode() + await request.read()))

    async def missing(_request: web.Request) -> web.Response:
        return web.Response(status=404, text="no such page")

    app = web.Application()
    app.router.add_route("*", "/echo", echo)
    app.router.add_get("/missing", missing)
    server = TestServer(app)
    await server.start_server()
    assert server.port is not None
    api.forward_ports[9990] = server.port
    yield server
    await server.close()


@pytest.mark.usefixtures("pod")
async def test_http_get(client: KubeClient) -> None:
    assert await portforward.http_get(client, "ns", "p", 9990, "/echo?a=1") == b"/echo?a=1"
    with pytest.raises(ApiError) as error:
        await portforward.http_get(client, "ns", "p", 9990, "/missing")
    assert (error.value.status, error.value.message) == (404, "no such page")


async def test_nothing_listens_in_the_pod(client: KubeClient) -> None:
    with pytest.raises(ApiError, match="connection refused"):
        await portforward.http_get(client, "ns", "p", 1234, "/")


@pytest.mark.usefixtures("pod")
async def test_a_session_carries_much_both_ways(client: KubeClient) -> None:
    body = b"x" * 900_000
    async with portforward.session(client, "ns", "p", 9990) as session:
        for _ in range(3):
            async with session.post("/echo", data=body) as response:
                assert await response.read() == b"/echo" + body


@pytest.mark.usefixtures("pod")
async def test_reader_and_writer(client: KubeClient) -> None:
    reader, writer = await portforward.forward(client, "ns", "p", 9990)
    writer.write(b"GET /echo HTTP/1.1\r\nHost: p\r\nConnection: close\r\n\r\n")
    await writer.drain()
    assert (await reader.read()).endswith(b"/echo")
    writer.close()
    await writer.wait_closed()
    async with asyncio.timeout(30):
        while portforward._pumps:
            await asyncio.sleep(0.01)


@pytest.mark.usefixtures("pod")
async def test_a_local_port(api: FakeApi, client: KubeClient) -> None:
    connect = functools.partial(portforward.forward, client, "ns", "p", 9990)
    async with portforward.listen(connect) as port, aiohttp.ClientSession() as session:
        url = f"http://127.0.0.1:{port}/echo?x"
        async with session.get(url) as response:
            assert await response.read() == b"/echo?x"
        # What cannot be opened ends; the next one is tried again.
        api.fail = [403]
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        assert await asyncio.wait_for(reader.read(), 30) == b""
        writer.close()
        api.fail = []
        async with session.get(url) as response:
            assert response.status == 200


@pytest.mark.usefixtures("pod")
async def test_a_local_ports_connections_end_with_it(client: KubeClient) -> None:
    connect = functools.partial(portforward.forward, client, "ns", "p", 9990)
    async with portforward.listen(connect) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /echo HTTP/1.1\r\nHost: p\r\n\r\n")
        assert (await reader.readline()).endswith(b"200 OK\r\n")
    async with asyncio.timeout(30):
        await reader.read()
        while portforward._pumps:
            await asyncio.sleep(0.01)
    writer.close()


async def test_the_api_server_refuses(api: FakeApi, client: KubeClient) -> None:
    api.fail = [403]
    with pytest.raises(ApiError) as error:
        await portforward.http_get(client, "ns", "p", 9990, "/")
    assert error.value.status == 403


@pytest.mark.usefixtures("pod")
async def test_http_post(client: KubeClient) -> None:
    assert await portforward.http_post(client, "ns", "p", 9990, "/echo", b"body") == b"/echobody"
    with pytest.raises(ApiError) as error:
        await portforward.http_post(client, "ns", "p", 9990, "/missing", b"")
    assert error.value.status == 405
