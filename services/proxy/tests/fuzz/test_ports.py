"""Bent bytes on every port of two running sidecars, beside an honest client that must notice nothing.

Every hostile connection must end soon after its client has said all, leave nothing behind, and put no stack trace into
the log.
"""

import asyncio
import os
from pathlib import Path
from random import Random

import pytest
from services.proxy.tests import apps
from services.proxy.tests.fuzz import corpus
from services.proxy.tests.fuzz.mutate import inputs, pieces
from services.proxy.tests.running import Sidecar, pair

from linkerd_testkit.ports import eventually

SEED = int(os.environ.get("FUZZ_SEED", "1"))
AT_ONCE = 16
END_SECONDS = 15.0
GROWTH_KIB = 24 * 1024
SEEDS = (
    *corpus.REQUESTS,
    *corpus.CONNECTIONS,
    *corpus.HELLOS,
    *corpus.OTHERS,
    b"GET /metrics HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\n\r\n",
    b"PUT /proxy-log-level HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nwarn",
    b"POST /shutdown HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n",
)


async def tolerant(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """An application that answers whatever looks like a request."""
    try:
        await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        return
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok")


async def attack(port: tuple[str, int], data: bytes, rng: Random) -> None:
    """Say it, end, and see the connection end."""
    reader, writer = await apps.connect(port)
    try:
        for piece in pieces(data, rng) if rng.random() < 0.3 else [data]:
            writer.write(piece)
            await writer.drain()
        if rng.random() < 0.2:
            writer.transport.abort()
            return
        writer.write_eof()
        await asyncio.wait_for(reader.read(), END_SECONDS)
    except (ConnectionError, OSError) as error:
        if isinstance(error, TimeoutError):
            raise
    except TimeoutError:
        raise AssertionError(f"the connection to port {port[1]} does not end: {data!r}") from None
    finally:
        writer.close()


async def honest(client: Sidecar, stop: asyncio.Event) -> int:
    """Asks on one connection until told to stop; how often. Anything but 200 fails."""
    count = 0
    async with apps.client(client.outbound) as connection:
        while not stop.is_set():
            answer = await connection.get("/honest")
            assert (answer.status, answer.body) == (200, b"ok"), answer.fields
            count += 1
            await asyncio.sleep(0.005)
    return count


async def hostile(client: Sidecar, server: Sidecar, count: int) -> None:
    """All attacks, some at once."""
    ports = [client.outbound, server.inbound, client.inbound, ("127.0.0.1", client.admin), ("127.0.0.1", server.admin)]
    rng = Random(SEED)
    queue = inputs(SEEDS, count, SEED)

    async def worker() -> None:
        for data in queue:
            await attack(rng.choice(ports), data, rng)

    async with asyncio.TaskGroup() as group:
        for _ in range(AT_ONCE):
            group.create_task(worker())


async def fuzz(tmp_path: Path, count: int) -> None:
    async with apps.server(tolerant) as app, pair(tmp_path, app) as (client, server):
        stop = asyncio.Event()
        asking = asyncio.create_task(honest(client, stop))
        await hostile(client, server, 100)
        before = [side.process.rss_kib() for side in (client, server)]
        await hostile(client, server, count)
        stop.set()
        assert await asking > 0
        for side, kib in zip((client, server), before, strict=True):
            assert await side.ready()
            assert side.process.rss_kib() - kib < GROWTH_KIB

            async def closed(side: Sidecar = side) -> bool:
                return await side.sample("tcp_open_connections", 'peer="src"') <= 1

            # Of the server's, one may be the client sidecar's.
            await eventually(closed)
            assert "Traceback" not in side.process.output
            assert "unexpectedly" not in side.process.output


async def test_a_slice(tmp_path: Path) -> None:
    await fuzz(tmp_path, 600)


@pytest.mark.fuzz
@pytest.mark.timeout(3600)
async def test_at_length(tmp_path: Path) -> None:
    await fuzz(tmp_path, 50_000)
