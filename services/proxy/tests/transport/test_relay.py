"""The relay between two real sockets."""

import asyncio
from contextlib import AsyncExitStack

import pytest
from services.proxy.tests import apps
from services.proxy.tests.loop import on_uvloop

from linkerd_proxy.telemetry.registry import Counter
from linkerd_proxy.transport.flow import HIGH_WATER
from linkerd_proxy.transport.relay import End, pair
from linkerd_testkit.ports import eventually


class Relay:
    """A listener whose connections are relayed to `upstream`."""

    def __init__(self) -> None:
        self.counters = {name: Counter() for name in ("client read", "client written", "server read", "server written")}
        self.lost: list[Exception | None] = []

    async def listen(self, stack: AsyncExitStack, upstream: tuple[str, int]) -> tuple[str, int]:
        loop = asyncio.get_running_loop()
        tasks = []

        def accept() -> End:
            count = self.counters
            client = End(count["client read"], count["client written"], self.lost.append)
            server = End(count["server read"], count["server written"], self.lost.append)
            pair(client, server)
            tasks.append(loop.create_task(loop.create_connection(lambda: server, *upstream)))
            return client

        listening = await loop.create_server(accept, "127.0.0.1", 0)
        stack.callback(listening.close)
        host, port = listening.sockets[0].getsockname()[:2]
        return host, port


@on_uvloop
async def test_bytes_half_closes_and_counts() -> None:
    async def app(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write((await reader.read())[::-1])

    relay = Relay()
    async with AsyncExitStack() as stack, apps.server(app) as upstream:
        addr = await relay.listen(stack, upstream)
        async with apps.client(addr) as client:
            client.send(b"abc")
            client.writer.write_eof()
            assert await client.ended() == b"cba"
        await eventually(lambda: relay.lost == [None, None])
    assert {name: counter.value for name, counter in relay.counters.items()} == dict.fromkeys(relay.counters, 3)


@on_uvloop
async def test_a_slow_reader_stops_the_writer() -> None:
    sent = 0

    async def app(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        for _ in range(400):
            writer.write(bytes(100_000))
            await writer.drain()
            sent += 100_000

    relay = Relay()
    async with AsyncExitStack() as stack, apps.server(app) as upstream:
        addr = await relay.listen(stack, upstream)
        async with apps.client(addr) as client:
            client.writer.transport.pause_reading()  # type: ignore[attr-defined]
            before = -1
            while sent != before:
                before = sent
                await asyncio.sleep(0.2)
            # What is not with the client is in the kernel's buffers and, at most, a high-water mark of the relay's.
            assert sent < 40_000_000
            held = relay.counters["server read"].value - relay.counters["client written"].value
            assert held <= HIGH_WATER
            client.writer.transport.resume_reading()  # type: ignore[attr-defined]
            assert len(await client.ended()) == 40_000_000


@on_uvloop
async def test_a_reset_is_passed_on() -> None:
    async def app(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        sock = writer.get_extra_info("socket")
        import socket
        import struct

        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()

    relay = Relay()
    async with AsyncExitStack() as stack, apps.server(app) as upstream:
        addr = await relay.listen(stack, upstream)
        async with apps.client(addr) as client:
            client.send(b"x")
            with pytest.raises(ConnectionResetError):
                await client.ended()


@on_uvloop
async def test_what_the_client_says_early_waits_for_the_server() -> None:
    async def app(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.readexactly(5))

    client, server = End(Counter(), Counter(), lambda _: None), End(Counter(), Counter(), lambda _: None)
    pair(client, server)
    loop = asyncio.get_running_loop()
    listening = await loop.create_server(lambda: client, "127.0.0.1", 0)
    async with apps.server(app) as upstream, apps.client(listening.sockets[0].getsockname()[:2]) as connection:
        connection.send(b"early")
        await asyncio.sleep(0.05)
        await loop.create_connection(lambda: server, *upstream)
        assert await connection.ended() == b"early"
    listening.close()
