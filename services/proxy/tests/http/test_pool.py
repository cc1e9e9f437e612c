"""Pools against real servers: reuse, idle time, limits, failures, retirement."""

import asyncio
from pathlib import Path

from services.proxy.tests import apps
from services.proxy.tests.http.recording import GET, Down, exchange
from services.proxy.tests.loop import on_uvloop

from linkerd_proxy.addrs import ServerAddr
from linkerd_proxy.errors import ConnectFailed, LoadShed, ProxyError
from linkerd_proxy.http.exchange import CLOSED, HTTP_11, REQUEST_ENDED, Exchange
from linkerd_proxy.http.pool import H1Pool, H2Pool, Target
from linkerd_proxy.http.runtime import Runtime
from linkerd_proxy.telemetry.metrics import Metrics
from linkerd_proxy.transport.connect import Dialer
from linkerd_runtime.settings import Addr
from linkerd_testkit.ports import eventually


def target(addr: tuple[str, int]) -> Target:
    runtime = Runtime(asyncio.get_running_loop(), Metrics())
    return Target(runtime, ServerAddr(Addr(*addr)), Dialer(runtime.loop, 1.0), runtime.metrics.tcp.series(""))


def asking() -> Exchange:
    x = exchange(version=HTTP_11)
    x.flags |= REQUEST_ENDED
    return x


def log(x: Exchange) -> list[tuple[object, ...]]:
    assert isinstance(x.down, Down)
    return x.down.log


async def answered(pool: H1Pool, x: Exchange | None = None) -> Exchange:
    x = asking() if x is None else x
    pool.send(x, x.head.fields)
    await eventually(lambda: any(entry[-1] is True for entry in log(x)))
    return x


def opened(to: Target) -> float:
    return to.tcp.opened.value


@on_uvloop
async def test_http1_connections_are_used_again_and_closed_when_idle() -> None:
    async with apps.echo_app() as app:
        to = target(app)
        pool = H1Pool(to, 0.2, 10)
        for _ in range(3):
            await answered(pool)
        assert opened(to) == 1
        await eventually(lambda: to.tcp.open.value == 0)
        await answered(pool)
        assert opened(to) == 2
        pool.abort()


@on_uvloop
async def test_http1_requests_at_once_have_connections_of_their_own_and_idle_ones_are_bounded() -> None:
    async with apps.echo_app() as app:
        to = target(app)
        pool = H1Pool(to, 10, 2)
        await asyncio.gather(*[answered(pool) for _ in range(5)])
        assert opened(to) == 5
        await eventually(lambda: to.tcp.open.value == 2)
        pool.retire()
        await eventually(lambda: to.tcp.open.value == 0)


@on_uvloop
async def test_a_connection_that_closed_while_idle_costs_no_request() -> None:
    async def once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await apps.read_head(reader)
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nx")
        await reader.read(1)  # the next request's first byte: too late for it

    async with apps.server(once) as app:
        to = target(app)
        pool = H1Pool(to, 10, 10)
        await answered(pool)
        x = await answered(pool)
        head = log(x)[0][1]
        assert isinstance(head, list)
        assert head[0] == (b":status", b"200")
        assert opened(to) == 2
        pool.abort()


@on_uvloop
async def test_bad_responses_fail_the_request() -> None:
    async def bad(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await apps.read_head(reader)
        writer.write(b"what?\r\n\r\n")
        await reader.read()

    async with apps.server(bad) as app:
        x = asking()
        pool = H1Pool(target(app), 10, 10)
        pool.send(x, x.head.fields)
        await eventually(lambda: x.flags & CLOSED)
        head = log(x)[-1][1]
        assert isinstance(head, list)
        assert head[0] == (b":status", b"502")


@on_uvloop
async def test_http2_failures_reach_all_who_wait_and_the_owner() -> None:
    app = apps.nobody()
    health: list[ProxyError | None] = []
    pool = H2Pool(target(app), 2, health.append)
    waiting = [asking() for _ in range(3)]
    for x in waiting:
        pool.send(x, x.head.fields)
    assert [x.flags & CLOSED for x in waiting] == [0, 0, CLOSED]  # the third one found the queue full
    await eventually(lambda: all(x.flags & CLOSED for x in waiting))
    statuses = [
        entry[1][0] for x in waiting for entry in log(x) if entry[0] == "respond" and isinstance(entry[1], list)
    ]
    assert statuses == [(b":status", b"502"), (b":status", b"502"), (b":status", b"503")]
    assert isinstance(health[0], ConnectFailed)
    assert LoadShed.status == 503


@on_uvloop
async def test_a_server_that_is_not_http2_fails_its_pool() -> None:
    async def mute(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await reader.read()

    async with apps.server(mute) as app:
        x = asking()
        H2Pool(target(app), 10).send(x, x.head.fields)
        await eventually(lambda: x.flags & CLOSED)


@on_uvloop
async def test_a_retired_pool_fails_what_waits(tmp_path: Path) -> None:
    async with apps.echo_app() as app:
        x = asking()
        pool = H2Pool(target(app), 10)
        pool.send(x, x.head.fields)
        pool.retire()
        assert x.flags & CLOSED
        await asyncio.sleep(0.05)


@on_uvloop
async def test_requests_without_a_host_have_a_connection_of_their_own() -> None:
    async with apps.echo_app() as app:
        to = target(app)
        pool = H1Pool(to, 10, 10)
        await answered(pool)
        for count in (2, 3):
            x = exchange([field for field in GET if field[0] != b":authority"], version=HTTP_11)
            x.flags |= REQUEST_ENDED
            await answered(pool, x)
            assert opened(to) == count
        await eventually(lambda: to.tcp.open.value == 1)
        await answered(pool)
        assert opened(to) == 3
        pool.abort()
