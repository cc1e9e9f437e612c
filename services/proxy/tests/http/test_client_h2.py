"""The HTTP/2 client against the h2 library as its server."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial

import h2.config
import h2.connection
import h2.events
import h2.settings
from services.proxy.tests import apps
from services.proxy.tests.http.recording import GET, Down, Observer, exchange
from services.proxy.tests.loop import on_uvloop

from linkerd_proxy.addrs import ServerAddr
from linkerd_proxy.errors import ConnectionLost, DowngradedReset, StreamReset
from linkerd_proxy.http.exchange import CLOSED, HTTP_11, REQUEST_ENDED, Exchange
from linkerd_proxy.http.pool import H2Pool, Target
from linkerd_proxy.http.runtime import Runtime
from linkerd_proxy.telemetry.metrics import Metrics
from linkerd_proxy.transport.connect import Dialer
from linkerd_runtime.settings import Addr
from linkerd_testkit.ports import eventually

OnEvent = Callable[[h2.connection.H2Connection, h2.events.Event], None]


@asynccontextmanager
async def pool_to(on_event: OnEvent) -> AsyncIterator[tuple[H2Pool, Target]]:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False, header_encoding=None))
        connection.initiate_connection()
        writer.write(connection.data_to_send())
        while data := await reader.read(65536):
            for event in connection.receive_data(data):
                on_event(connection, event)
            writer.write(connection.data_to_send())

    async with apps.server(handle) as addr:
        runtime = Runtime(asyncio.get_running_loop(), Metrics())
        target = Target(runtime, ServerAddr(Addr(*addr)), Dialer(runtime.loop, 1.0), runtime.metrics.tcp.series(""))
        pool = H2Pool(target, 100)
        yield pool, target
        pool.abort()
        await runtime.tasks.cancel()


def asking(version: int = 2, *, ended: bool = True, method: bytes = b"GET") -> tuple[Exchange, Down, Observer]:
    x = exchange([(b":method", method), *GET[1:]], version=version)
    if ended:
        x.flags |= REQUEST_ENDED
    observer = x.observer = Observer()
    assert isinstance(x.down, Down)
    return x, x.down, observer


@on_uvloop
async def test_a_response_is_passed_on_and_booked() -> None:
    def on_event(connection: h2.connection.H2Connection, event: h2.events.Event) -> None:
        if isinstance(event, h2.events.RequestReceived):
            assert event.stream_id
            connection.send_headers(event.stream_id, [(":status", "103"), ("link", "x")])
            connection.send_headers(event.stream_id, [(":status", "201")])
            connection.send_data(event.stream_id, b"body", end_stream=True)

    async with pool_to(on_event) as (pool, _):
        x, down, observer = asking()
        pool.send(x, GET)
        await eventually(lambda: observer.log[-1:] == [("end", b"201", None)])
        assert [entry[0] for entry in down.log] == ["inform", "respond", "send"]
        assert down.log[-1] == ("send", b"body", True)
        assert observer.log == [("head", b"201"), ("first data",), ("end", b"201", None)]
        assert x.up_stream is None


@on_uvloop
async def test_body_and_trailers_of_the_request() -> None:
    seen: list[object] = []

    def on_event(connection: h2.connection.H2Connection, event: h2.events.Event) -> None:
        if isinstance(event, h2.events.DataReceived):
            seen.append(event.data)
        elif isinstance(event, h2.events.TrailersReceived):
            seen.append(list(event.headers or ()))
            assert event.stream_id
            connection.send_headers(event.stream_id, [(":status", "200")], end_stream=True)

    async with pool_to(on_event) as (pool, _):
        x, down, observer = asking(ended=False)
        x.up.send(x, b"early", False)
        pool.send(x, GET)
        await eventually(lambda: seen == [b"early"])
        x.up.send(x, b"late", False)
        x.flags |= REQUEST_ENDED
        x.up.trailers(x, [(b"x-end", b"1")])
        await eventually(lambda: observer.log[-1:] == [("end", b"200", None)])
        assert seen == [b"early", b"late", [(b"x-end", b"1")]]
        assert ("consumed", 5) in down.log
        assert ("consumed", 4) in down.log


@on_uvloop
async def test_resets_keep_their_code_for_http2_and_are_502_for_what_is_carried() -> None:
    def on_event(connection: h2.connection.H2Connection, event: h2.events.Event) -> None:
        if isinstance(event, h2.events.RequestReceived):
            assert event.stream_id
            connection.reset_stream(event.stream_id, error_code=11)

    async with pool_to(on_event) as (pool, _):
        native, down, observer = asking()
        pool.send(native, GET)
        await eventually(lambda: down.log == [("abort", StreamReset)])
        carried, down, observer = asking(HTTP_11)
        pool.send(carried, GET)
        await eventually(lambda: down.log)
        assert observer.log == [("failed", DowngradedReset)]


@on_uvloop
async def test_goaway_makes_another_connection() -> None:
    def on_event(connection: h2.connection.H2Connection, event: h2.events.Event) -> None:
        if isinstance(event, h2.events.RequestReceived):
            assert event.stream_id
            connection.send_headers(event.stream_id, [(":status", "200")], end_stream=True)
            connection.close_connection()

    async with pool_to(on_event) as (pool, target):
        for _ in range(3):
            x, _, observer = asking()
            pool.send(x, GET)
            await eventually(partial(bool, observer.log))
            assert observer.log[-1] == ("end", b"200", None)
            await eventually(lambda: target.tcp.open.value == 0)
        assert target.tcp.opened.value == 3


@on_uvloop
async def test_a_lost_connection_fails_what_is_on_it() -> None:
    async def drop(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
        connection.initiate_connection()
        writer.write(connection.data_to_send())
        while data := await reader.read(65536):
            if any(isinstance(e, h2.events.RequestReceived) for e in connection.receive_data(data)):
                return

    async with apps.server(drop) as addr:
        runtime = Runtime(asyncio.get_running_loop(), Metrics())
        target = Target(runtime, ServerAddr(Addr(*addr)), Dialer(runtime.loop, 1.0), runtime.metrics.tcp.series(""))
        # What may be sent twice is, once; the rest is for the client to decide.
        for ended, method, connections in ((True, b"GET", 2), (True, b"POST", 1), (False, b"GET", 1)):
            opened = target.tcp.opened.value
            x, _, observer = asking(ended=ended, method=method)
            H2Pool(target, 100).send(x, x.head.fields)
            await eventually(lambda x=x: x.flags & CLOSED)  # type: ignore[misc]
            assert observer.log == [("failed", ConnectionLost)]
            assert target.tcp.opened.value - opened == connections


@on_uvloop
async def test_what_a_goaway_leaves_out_is_sent_on_another_connection() -> None:
    connections = 0

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        first = connections == 1
        connection = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
        connection.initiate_connection()
        writer.write(connection.data_to_send())
        while data := await reader.read(65536):
            for event in connection.receive_data(data):
                if isinstance(event, h2.events.RequestReceived):
                    assert event.stream_id
                    if first:
                        connection.close_connection(last_stream_id=0)
                    else:
                        connection.send_headers(event.stream_id, [(":status", "200")], end_stream=True)
            writer.write(connection.data_to_send())

    async with apps.server(handle) as addr:
        runtime = Runtime(asyncio.get_running_loop(), Metrics())
        target = Target(runtime, ServerAddr(Addr(*addr)), Dialer(runtime.loop, 1.0), runtime.metrics.tcp.series(""))
        pool = H2Pool(target, 100)
        x, _, observer = asking(method=b"POST")
        pool.send(x, x.head.fields)
        await eventually(lambda: observer.log)
        assert observer.log[-1] == ("end", b"200", None)
        pool.abort()


@on_uvloop
async def test_the_last_stream_identifier_makes_another_connection() -> None:
    def on_event(connection: h2.connection.H2Connection, event: h2.events.Event) -> None:
        if isinstance(event, h2.events.RequestReceived):
            assert event.stream_id
            connection.send_headers(event.stream_id, [(":status", "200")], end_stream=True)

    async with pool_to(on_event) as (pool, target):
        for number in range(4):
            x, _, observer = asking()
            pool.send(x, GET)
            await eventually(partial(bool, observer.log))
            assert observer.log[-1] == ("end", b"200", None)
            if number == 0:
                (client,) = pool._clients
                client.codec._next_id = 2**31 - 3
        assert target.tcp.opened.value == 2
        await eventually(lambda: target.tcp.open.value == 1)


@on_uvloop
async def test_cancelling_resets_the_stream() -> None:
    resets: list[int] = []

    def on_event(connection: h2.connection.H2Connection, event: h2.events.Event) -> None:
        if isinstance(event, h2.events.StreamReset):
            resets.append(int(event.error_code or 0))

    async with pool_to(on_event) as (pool, target):
        x, _, _ = asking()
        pool.send(x, GET)
        await eventually(lambda: x.up_stream)
        await asyncio.sleep(0.01)
        x.gone()
        await eventually(lambda: resets == [8])
        assert target.tcp.open.value == 1


@on_uvloop
async def test_streams_beyond_the_servers_limit_wait_and_none_is_refused() -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False, header_encoding=None))
        limit = {h2.settings.SettingCodes.MAX_CONCURRENT_STREAMS: 2}
        connection.local_settings = h2.settings.Settings(client=False, initial_values=limit)
        connection.initiate_connection()
        writer.write(connection.data_to_send())

        def answer(stream: int) -> None:
            connection.send_headers(stream, [(":status", "200")], end_stream=True)
            writer.write(connection.data_to_send())

        while data := await reader.read(65536):
            # The library raises for a third stream: that would fail the test.
            for event in connection.receive_data(data):
                if isinstance(event, h2.events.RequestReceived):
                    asyncio.get_running_loop().call_later(0.005, answer, event.stream_id)
            writer.write(connection.data_to_send())

    async with apps.server(handle) as addr:
        runtime = Runtime(asyncio.get_running_loop(), Metrics())
        target = Target(runtime, ServerAddr(Addr(*addr)), Dialer(runtime.loop, 1.0), runtime.metrics.tcp.series(""))
        pool = H2Pool(target, 100)
        asked = [asking() for _ in range(40)]
        for x, _, _ in asked:
            pool.send(x, GET)
        await eventually(lambda: all(observer.log[-1:] == [("end", b"200", None)] for _, _, observer in asked))
        assert target.tcp.opened.value > 1
        pool.abort()
        await eventually(lambda: target.tcp.open.value == 0)
