"""What is left of connections that have ended: nothing that only the garbage collector could free.

The collector runs seldom (app.py), and each of these holds buffers: a few hundred opaque connections with 200 KB on
each way were 60 MB before the collector came.
"""

import asyncio
import gc
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import msgspec
import pytest
from services.proxy.tests import apps
from services.proxy.tests.loop import on_uvloop
from services.proxy.tests.mesh import CLIENT, SERVICE, Sidecar, document, inbound_document, pair, sidecar

from linkerd_contract.inbound import InboundDocument, InboundProfile
from linkerd_contract.matching import StatusRange
from linkerd_contract.outbound import Protocol, ProtocolHint, Retry, Route, Timeouts
from linkerd_runtime.settings import Addr
from linkerd_testkit.ports import eventually

HEAVY = frozenset(
    (
        "TlsStream",
        "End",
        "H1Server",
        "H2Server",
        "H2Connection",
        "H1Client",
        "OpaqueConnection",
        "Attempt",
        "Deadlines",
        "Exchange",
        "FirstRead",
        "Managed",
        "Retrying",
        "_Followed",
        "_Waiting",
    )
)


@pytest.fixture(autouse=True)
def fixture_no_collector() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()
    gc.collect()


def heavy() -> Counter[str]:
    return Counter(type(o).__name__ for o in gc.get_objects() if type(o).__name__ in HEAVY)


@asynccontextmanager
async def nothing_left(proxy: Sidecar) -> AsyncIterator[None]:
    """What is made within the block is gone after it, without the collector's help."""
    before = heavy()
    yield
    await eventually(lambda: proxy.path.connections == 0)
    left: Counter[str] = Counter()

    def gone() -> bool:
        nonlocal left
        left = heavy() - before
        return not left

    try:
        await eventually(gone)
    except TimeoutError:
        raise AssertionError(f"left to the collector: {dict(left)}") from None


@on_uvloop
async def test_of_opaque_connections(tmp_path: Path) -> None:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            writer.write(data)

    inbound = inbound_document(protocol=Protocol.opaque)
    kind = {"hint": ProtocolHint.opaque, "protocol": Protocol.opaque}
    async with apps.server(echo) as app, pair(tmp_path, app, inbound=inbound, **kind) as mesh:  # type: ignore[arg-type]
        for half_close in (True, False):
            async with nothing_left(mesh.client):
                for _ in range(5):
                    async with apps.client(mesh.addr) as client:
                        client.send(b"x" * 100_000)
                        assert len(await client.reader.readexactly(100_000)) == 100_000
                        if half_close:
                            client.writer.write_eof()
                            assert await client.ended() == b""
                        else:
                            client.writer.transport.abort()


@on_uvloop
async def test_of_opaque_connections_to_nowhere(tmp_path: Path) -> None:
    dead = apps.nobody()
    inbound = inbound_document(protocol=Protocol.opaque)
    kind = {"hint": ProtocolHint.opaque, "protocol": Protocol.opaque}
    async with pair(tmp_path, dead, inbound=inbound, **kind) as mesh, nothing_left(mesh.client):  # type: ignore[arg-type]
        for _ in range(5):
            async with apps.client(mesh.addr) as client:
                client.send(b"hello")
                try:
                    await client.ended()
                except ConnectionError:
                    pass


@pytest.mark.parametrize("hint", [ProtocolHint.h2, ProtocolHint.none])
@on_uvloop
async def test_of_http1_connections(tmp_path: Path, hint: ProtocolHint) -> None:
    async with apps.echo_app() as app, pair(tmp_path, app, hint=hint) as mesh:
        async with apps.client(mesh.addr) as client:
            await client.get()  # what the pools keep
        async with nothing_left(mesh.client):
            for _ in range(5):
                async with apps.client(mesh.addr) as client:
                    for _ in range(3):
                        assert (await client.get()).status == 200


@pytest.mark.parametrize("answered", [True, False])
@on_uvloop
async def test_of_opaque_connections_that_wait(tmp_path: Path, answered: bool) -> None:
    async def app(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.readexactly(5))

    failfast = "20s" if answered else "100ms"
    variables = {"OUTBOUND_TCP_FAILFAST_TIMEOUT": failfast}
    async with apps.server(app) as addr, sidecar(None, tmp_path, CLIENT, **variables) as proxy:
        nobody = document([], identity=None, hint=ProtocolHint.none, protocol=Protocol.opaque)
        known = document([Addr(*addr)], identity=None, hint=ProtocolHint.none, protocol=Protocol.opaque)
        proxy.discovery.set(SERVICE, nobody)
        async with nothing_left(proxy):
            for _ in range(3):
                async with apps.client(proxy.outbound) as client:
                    client.send(b"hello")
                    if answered:
                        await eventually(lambda: proxy.sample("outbound_tcp_balancer_queue_length") == 1)
                        proxy.discovery.set(SERVICE, known)
                        assert await client.ended() == b"hello"
                        proxy.discovery.set(SERVICE, nobody)
                    else:
                        with suppress(ConnectionError):
                            assert await client.ended() == b""


@on_uvloop
async def test_of_requests_with_features(tmp_path: Path) -> None:
    statuses = iter([b"200"] + [b"503", b"200"] * 5)

    async def app(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await apps.read_head(reader)
            writer.write(b"HTTP/1.1 %b X\r\ncontent-length: 2\r\n\r\nok" % next(statuses))

    retry = Retry(statuses=[StatusRange(500, 599)], limit=1, per_try_timeout_ms=60_000)
    timeouts = Timeouts(request_ms=60_000, response_ms=60_000, idle_ms=60_000)
    async with apps.server(app) as addr, pair(tmp_path, addr) as mesh:
        known = document([mesh.server.inbound])
        route = msgspec.structs.replace(known.routes[0], retry=retry, timeouts=timeouts, labels={"route": "r"})
        mesh.client.discovery.set(SERVICE, msgspec.structs.replace(known, routes=[route], profile="voting-svc"))
        profile = InboundProfile(known.authority, [Route(name="r", labels={"route": "r"})])
        mesh.serve(InboundDocument(default=msgspec.structs.replace(inbound_document().default, profiles=[profile])))
        async with apps.client(mesh.addr) as client:
            await client.get()  # what the pools keep
        async with nothing_left(mesh.client):
            for _ in range(5):
                async with apps.client(mesh.addr) as client:
                    assert (await client.get()).status == 200
        assert mesh.server.sample("route_request_total", 'direction="inbound"') == 11


@on_uvloop
async def test_of_upgraded_connections(tmp_path: Path) -> None:
    async def app(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await apps.read_head(reader)
        writer.write(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
        while data := await reader.read(65536):
            writer.write(data)

    async def upgrade(addr: tuple[str, int]) -> None:
        async with apps.client(addr) as client:
            client.send(b"GET /ws HTTP/1.1\r\nHost: v\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
            await apps.read_head(client.reader)
            client.send(b"abc")
            assert await client.reader.readexactly(3) == b"abc"
            client.writer.write_eof()
            assert await client.ended() == b""

    async with apps.server(app) as addr, pair(tmp_path, addr) as mesh:
        await upgrade(mesh.addr)  # which connects the sidecars
        async with nothing_left(mesh.client):
            for _ in range(5):
                await upgrade(mesh.addr)
