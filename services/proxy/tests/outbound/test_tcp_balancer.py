"""Endpoints for connections that are not HTTP: load, waiting, failing fast, metrics."""

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from services.proxy.tests import apps
from services.proxy.tests.loop import on_uvloop
from services.proxy.tests.mesh import CLIENT, SERVICE, document, sidecar

from linkerd_contract.outbound import Protocol, ProtocolHint
from linkerd_runtime.settings import Addr
from linkerd_testkit.ports import eventually


async def closed(proxy_addr: tuple[str, int]) -> None:
    async with apps.client(proxy_addr) as client:
        try:
            assert await client.ended() == b""
        except ConnectionError:
            pass


@on_uvloop
async def test_no_endpoint_or_a_dead_one_closes_the_connection(tmp_path: Path) -> None:
    dead = apps.nobody()
    async with sidecar(None, tmp_path, CLIENT, OUTBOUND_TCP_FAILFAST_TIMEOUT="100ms") as proxy:
        proxy.discovery.set(SERVICE, document([], protocol=Protocol.opaque))
        await closed(proxy.outbound)
        assert proxy.sample("outbound_tcp_errors_total", 'error="failfast"') == 1
        # It is known to be dead by now.
        await closed(proxy.outbound)
        proxy.discovery.set(SERVICE, document([Addr(*dead)], identity=None, protocol=Protocol.opaque))
        await closed(proxy.outbound)
        assert proxy.sample("outbound_tcp_errors_total", 'error="loadshed"') == 1
        assert proxy.sample("outbound_tcp_errors_total", 'error="i/o"') == 1
        await eventually(lambda: proxy.path.connections == 0)


@on_uvloop
async def test_a_connection_waits_for_the_first_endpoint(tmp_path: Path) -> None:
    async def app(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.read(10))

    async with apps.server(app) as addr, sidecar(None, tmp_path, CLIENT) as proxy:
        proxy.discovery.set(SERVICE, document([], protocol=Protocol.opaque))
        async with apps.client(proxy.outbound) as client:
            client.send(b"early")
            await eventually(lambda: proxy.path.connections == 1)
            proxy.discovery.set(SERVICE, document([Addr(*addr)], identity=None, protocol=Protocol.opaque))
            assert await client.ended() == b"early"


@pytest.mark.parametrize("half_closed", [False, True])
@on_uvloop
async def test_what_a_client_says_while_it_waits_is_not_lost(tmp_path: Path, half_closed: bool) -> None:
    """A pause of reading in connection_made does not hold on uvloop: bytes may come all the same."""

    async def app(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await (reader.read() if half_closed else reader.readexactly(9)))

    async with apps.server(app) as addr, sidecar(None, tmp_path, CLIENT) as proxy:
        proxy.discovery.set(SERVICE, document([], protocol=Protocol.opaque))
        async with apps.client(proxy.outbound) as client:
            client.send(b"early")
            await eventually(lambda: proxy.sample("outbound_tcp_balancer_queue_length") == 1)
            client.send(b"more")
            if half_closed:
                client.writer.write_eof()
            proxy.discovery.set(SERVICE, document([Addr(*addr)], identity=None, protocol=Protocol.opaque))
            assert await client.ended() == b"earlymore"
        assert proxy.sample("tcp_read_bytes_total", 'peer="src"') == 9


@on_uvloop
async def test_open_connections_count_as_load(tmp_path: Path) -> None:
    """Long connections that do nothing must not end up on one endpoint (Linkerd counts them until they close)."""

    async def app(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"hello")
        await reader.read()

    async with (
        apps.server(app) as one,
        apps.server(app) as two,
        sidecar(None, tmp_path, CLIENT) as proxy,
        AsyncExitStack() as stack,
    ):
        known = document([Addr(*one), Addr(*two)], identity=None, hint=ProtocolHint.none, protocol=Protocol.opaque)
        proxy.discovery.set(SERVICE, known)
        for _ in range(20):
            client = await stack.enter_async_context(apps.client(proxy.outbound))
            assert await client.reader.readexactly(5) == b"hello"
        for addr in (one, two):
            assert proxy.sample("tcp_open_connections", 'peer="dst"', f'target_port="{addr[1]}"') == 10


@pytest.mark.parametrize(("protocol", "family"), [(Protocol.opaque, "tcp"), (Protocol.tls, "tls")])
@on_uvloop
async def test_metrics(tmp_path: Path, protocol: Protocol, family: str) -> None:
    async def app(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.read(10))

    stem = f"outbound_{family}_balancer"
    async with (
        apps.server(app) as one,
        apps.server(app) as two,
        sidecar(None, tmp_path, CLIENT, OUTBOUND_TCP_FAILFAST_TIMEOUT="4s") as proxy,
    ):

        def known(*addrs: tuple[str, int]) -> None:
            endpoints = [Addr(*addr) for addr in addrs]
            proxy.discovery.set(SERVICE, document(endpoints, identity=None, hint=ProtocolHint.none, protocol=protocol))

        known()
        async with apps.client(proxy.outbound) as client:
            client.send(b"ping")
            await eventually(lambda: proxy.sample(f"{stem}_queue_length") == 1)
            known(one)
            assert await client.ended() == b"ping"
        known(one, two)
        known(two)
        assert proxy.sample(f"{stem}_endpoints", 'endpoint_state="ready"') == 1
        assert proxy.sample(f"{stem}_p2c_endpoints") == 1
        for op, count in (("Reset", 1), ("Add", 2), ("Remove", 1)):
            assert proxy.sample(f"{stem}_p2c_updates_total", f'op="{op}"') == count, op
        for name, count in (("requests_total", 1), ("length", 0), ("latency_seconds_count", 1)):
            assert proxy.sample(f"{stem}_queue_{name}") == count, name
        for name, count in (("open_total", 1), ("shut_total", 1), ("timeout_seconds", 4)):
            assert proxy.sample(f"{stem}_queue_gate_{name}") == count, name
        other = {"tcp": "tls", "tls": "tcp"}[family]
        assert f"outbound_{other}_balancer" not in proxy.metrics()
