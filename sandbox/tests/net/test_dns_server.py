"""Cluster DNS over real sockets."""

import asyncio
import errno
import socket
import struct
from collections.abc import Awaitable, Callable

import pytest
from sandbox.tests.net.test_dns_wire import question
from sandbox.tests.net.test_dns_zone import zone

from linkerd_sandbox.net.dns_server import DnsServer


async def test_udp_and_tcp() -> None:
    server = DnsServer(zone())
    await server.start("127.0.0.1", 0)
    loop = asyncio.get_running_loop()
    query = question("web.default.svc.cluster.local")
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.setblocking(False)
            await loop.sock_sendto(client, b"rubbish", ("127.0.0.1", server.port))
            await loop.sock_sendto(client, query, ("127.0.0.1", server.port))
            async with asyncio.timeout(30):
                answer = await loop.sock_recv(client, 512)
        assert answer.endswith(socket.inet_aton("10.43.0.16"))
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        for _ in range(2):
            writer.write(struct.pack("!H", len(query)) + query)
            async with asyncio.timeout(30):
                (length,) = struct.unpack("!H", await reader.readexactly(2))
                assert await reader.readexactly(length) == answer
        writer.close()
        await writer.wait_closed()
    finally:
        await server.stop()


async def test_where_tcp_has_the_port_that_udp_got_another_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    start: Callable[..., Awaitable[asyncio.Server]] = asyncio.start_server
    tried: list[int] = []

    async def taken_at_first(serve: object, host: str, port: int) -> asyncio.Server:
        tried.append(port)
        if len(tried) == 1:
            raise OSError(errno.EADDRINUSE, "taken")
        return await start(serve, host, port)

    monkeypatch.setattr(asyncio, "start_server", taken_at_first)
    server = DnsServer(zone())
    await server.start("127.0.0.1", 0)
    assert len(tried) == 2
    assert server.port == tried[1]
    await server.stop()


async def test_a_named_port_that_is_taken_is_an_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        server = DnsServer(zone())
        with pytest.raises(OSError, match="in use"):
            await server.start("127.0.0.1", other.getsockname()[1])
        await server.stop()
