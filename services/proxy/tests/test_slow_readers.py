"""Clients that are slow to take a response, or leave before: what they held of a shared connection comes back."""

import asyncio
import socket
from pathlib import Path

import pytest
from services.proxy.tests import apps
from services.proxy.tests.loop import on_uvloop
from services.proxy.tests.mesh import Pair, pair

from linkerd_proxy.codec.h2 import frames
from linkerd_testkit.ports import eventually

SIZE = 250_000
"""Within a stream's window: the whole response comes, whatever its client does."""
ROUNDS = 40
"""Together more than twice the window of the sidecars' connection (pool.py)."""
AHEAD = 400
GET = b"GET / HTTP/1.1\r\nHost: v\r\n\r\n"


async def big(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while True:
        await apps.read_head(reader)
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % SIZE + bytes(SIZE))


async def slow_client(mesh: Pair) -> apps.Client:
    """With so small a buffer that the proxy has to keep most of a response."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.setblocking(False)
    await asyncio.get_running_loop().sock_connect(sock, mesh.addr)
    return apps.Client(*await asyncio.open_connection(sock=sock, limit=4096))


async def answered(mesh: Pair, count: int) -> None:
    await eventually(lambda: mesh.client.sample("response_total", 'direction="outbound"') == count)


@pytest.mark.parametrize("end", ["reads", "leaves", "closes"])
@on_uvloop
async def test_of_http1(tmp_path: Path, end: str) -> None:
    async with apps.server(big) as app, pair(tmp_path, app) as mesh:
        client = await slow_client(mesh)
        for number in range(ROUNDS):
            client.send(GET if end != "closes" else GET.replace(b"Host", b"Connection: close\r\nHost"))
            await answered(mesh, number + 1)
            if end != "leaves":
                assert (await client.answer()).status == 200
            if end != "reads":
                client.writer.close()
                client = await slow_client(mesh)
        client.writer.close()
        async with apps.client(mesh.addr) as other:
            assert len((await other.get()).body) == SIZE
        assert mesh.client.sample("tcp_open_total", 'peer="dst"') == 1


@on_uvloop
async def test_of_http2_that_leaves(tmp_path: Path) -> None:
    async with apps.server(big) as app, pair(tmp_path, app) as mesh:
        block = b"\x82\x86\x84\x41\x01v"  # GET http / of v
        for number in range(ROUNDS):
            client = await slow_client(mesh)
            client.send(frames.PREFACE + frames.settings({4: 2**20}) + frames.window_update(0, 2**20))
            client.send(len(block).to_bytes(3, "big") + b"\x01\x05\x00\x00\x00\x01" + block)
            await answered(mesh, number + 1)
            client.writer.close()
        async with apps.client(mesh.addr) as other:
            assert len((await other.get()).body) == SIZE


@on_uvloop
async def test_who_asks_ahead_and_reads_nothing_is_not_answered_for_ever(tmp_path: Path) -> None:
    async with apps.server(big) as app, pair(tmp_path, app) as mesh:
        client = await slow_client(mesh)
        client.send(GET * AHEAD)
        async with apps.client(mesh.addr) as other:
            for _ in range(10):
                assert len((await other.get()).body) == SIZE
        # What the kernel takes, and what one response may leave in the proxy.
        assert mesh.client.sample("request_total", 'direction="outbound"') < AHEAD / 2
        client.writer.close()
        async with apps.client(mesh.addr) as other:
            assert len((await other.get()).body) == SIZE
        await eventually(lambda: mesh.client.path.connections == 0)
