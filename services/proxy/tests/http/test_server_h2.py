"""The HTTP/2 server against the h2 library as its client."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import h2.config
import h2.connection
import h2.events
from services.proxy.tests import apps
from services.proxy.tests.http.recording import Up
from services.proxy.tests.loop import on_uvloop

from linkerd_proxy.codec.h2.settings import H2Settings
from linkerd_proxy.errors import ConnectFailed, StreamReset
from linkerd_proxy.http.exchange import RESPONSE_STARTED, Exchange
from linkerd_proxy.http.runtime import Runtime
from linkerd_proxy.http.server_h2 import H2Server
from linkerd_proxy.telemetry.metrics import Metrics
from linkerd_testkit.ports import eventually

HEAD = [(":method", "POST"), (":scheme", "http"), (":path", "/"), (":authority", "a")]
OK = [(b":status", b"200")]


class Browser:
    """An h2 client on a socket; `events` is all that it heard."""

    def __init__(self, client: apps.Client) -> None:
        self.socket = client
        self.connection = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding=None))
        self.connection.initiate_connection()
        self.events: list[h2.events.Event] = []
        self.flush()

    def flush(self) -> None:
        self.socket.send(self.connection.data_to_send())

    async def until(self, kind: type[h2.events.Event]) -> h2.events.Event:
        while True:
            for event in self.events:
                if isinstance(event, kind):
                    return event
            data = await asyncio.wait_for(self.socket.reader.read(65536), 30)
            assert data, f"closed before {kind.__name__}: {self.events}"
            self.events += self.connection.receive_data(data)
            self.flush()


class Served:
    def __init__(self) -> None:
        self.exchanges: list[Exchange] = []
        self.service: Callable[[Exchange], None] = lambda _: None
        self.servers: list[H2Server] = []
        self.addr = ("", 0)

    def __call__(self, x: Exchange) -> None:
        self.exchanges.append(x)
        self.service(x)


@asynccontextmanager
async def serving(service: Callable[[Exchange], None]) -> AsyncIterator[tuple[Served, Browser]]:
    loop = asyncio.get_running_loop()
    runtime = Runtime(loop, Metrics())
    served = Served()
    served.service = service

    def accept() -> asyncio.Protocol:
        server = H2Server(runtime.turn, runtime.metrics.tcp.series(""), H2Settings(), served, emit_errors=True)
        served.servers.append(server)
        return server.wire

    listening = await loop.create_server(accept, "127.0.0.1", 0)
    try:
        async with apps.client(listening.sockets[0].getsockname()[:2]) as client:
            yield served, Browser(client)
    finally:
        listening.close()
        for server in served.servers:
            server.kill()
        await asyncio.sleep(0.01)


@on_uvloop
async def test_a_request_and_its_response_with_trailers() -> None:
    up = Up()

    def service(x: Exchange) -> None:
        x.up = up

    async with serving(service) as (served, browser):
        browser.connection.send_headers(1, HEAD)
        browser.connection.send_data(1, b"body", end_stream=True)
        browser.flush()
        await eventually(lambda: up.log == [("send", b"body", True)])
        x = served.exchanges[0]
        x.down.respond(x, OK, False)
        x.down.send(x, b"answer", False)
        x.down.trailers(x, [(b"x-end", b"1")])
        assert await browser.until(h2.events.TrailersReceived)
        assert x.down_stream is None  # no cycle is left


@on_uvloop
async def test_a_reset_cancels() -> None:
    up = Up()

    def service(x: Exchange) -> None:
        x.up = up

    async with serving(service) as (_, browser):
        browser.connection.send_headers(1, HEAD)
        browser.flush()
        await asyncio.sleep(0)
        browser.connection.reset_stream(1)
        browser.flush()
        await eventually(lambda: up.log[-1:] == [("cancel",)])


@on_uvloop
async def test_ends_before_time() -> None:
    errors = iter([StreamReset(7), ConnectFailed()])

    def service(x: Exchange) -> None:
        x.up = Up()
        x.flags |= RESPONSE_STARTED
        x.down.respond(x, OK, False)
        x.fail(next(errors))

    async with serving(service) as (_, browser):
        for stream, code in ((1, 7), (3, 2)):
            browser.events.clear()
            browser.connection.send_headers(stream, HEAD, end_stream=True)
            browser.flush()
            event = await browser.until(h2.events.StreamReset)
            assert isinstance(event, h2.events.StreamReset)
            assert event.error_code == code


@on_uvloop
async def test_a_broken_grpc_response_ends_in_trailers() -> None:
    def service(x: Exchange) -> None:
        x.up = Up()
        x.flags |= RESPONSE_STARTED
        x.down.respond(x, OK, False)
        x.fail(ConnectFailed("gone"))

    async with serving(service) as (_, browser):
        browser.connection.send_headers(1, [*HEAD, ("content-type", "application/grpc")], end_stream=True)
        browser.flush()
        event = await browser.until(h2.events.TrailersReceived)
        assert isinstance(event, h2.events.TrailersReceived)
        assert dict(event.headers or ())[b"grpc-status"] == b"14"


@on_uvloop
async def test_what_does_not_fit_the_clients_window_is_not_consumed() -> None:
    up = Up()

    def service(x: Exchange) -> None:
        x.up = up
        x.down.respond(x, OK, False)
        for _ in range(5):
            x.down.send(x, bytes(16_384), False)

    async with serving(service) as (served, browser):
        browser.connection.send_headers(1, HEAD, end_stream=True)
        browser.flush()
        await eventually(lambda: served.exchanges)
        x = served.exchanges[0]
        # The window is 65,535 bytes: three parts went whole, the rest waits.
        assert up.log == [("consumed", 16_384)] * 3
        assert x.down_held == 2 * 16_384
        while x.down_held:
            event = await browser.until(h2.events.DataReceived)
            assert isinstance(event, h2.events.DataReceived)
            browser.events.remove(event)
            browser.connection.acknowledge_received_data(event.flow_controlled_length or 0, 1)
            browser.flush()
        assert sum(entry[1] for entry in up.log if isinstance(entry[1], int)) == 5 * 16_384


@on_uvloop
async def test_a_window_that_opens_while_the_socket_is_full_counts_later() -> None:
    up = Up()

    def service(x: Exchange) -> None:
        x.up = up
        x.down.respond(x, OK, False)
        for _ in range(5):
            x.down.send(x, bytes(16_384), False)

    def consumed() -> int:
        return sum(entry[1] for entry in up.log if isinstance(entry[1], int))

    async with serving(service) as (served, browser):
        browser.connection.send_headers(1, HEAD, end_stream=True)
        browser.flush()
        await eventually(lambda: consumed() == 3 * 16_384)
        wire = served.servers[0].wire
        wire.pause_writing()
        browser.connection.increment_flow_control_window(100_000)
        browser.connection.increment_flow_control_window(100_000, 1)
        browser.flush()
        stream = served.exchanges[0].down_stream
        assert stream is not None
        await eventually(lambda: not stream.queued)
        assert consumed() == 3 * 16_384
        wire.resume_writing()
        assert consumed() == 5 * 16_384


@on_uvloop
async def test_drain_waits_for_streams() -> None:
    async with serving(lambda x: setattr(x, "up", Up())) as (served, browser):
        browser.connection.send_headers(1, HEAD, end_stream=True)
        browser.flush()
        await eventually(lambda: served.exchanges)
        served.servers[0].drain()
        # The h2 library takes a GOAWAY for the end and stumbles over what follows: look at the bytes.
        data = b""
        while b"\x07\x00\x00\x00\x00\x00" not in data:
            data += await asyncio.wait_for(browser.socket.reader.read(65536), 30)
        assert not served.servers[0].closed
        x = served.exchanges[0]
        x.down.respond(x, OK, True)
        assert await asyncio.wait_for(browser.socket.reader.read(), 30)
        await eventually(lambda: served.servers[0].closed)


@on_uvloop
async def test_a_lost_connection_ends_its_exchanges() -> None:
    up = Up()
    async with serving(lambda x: setattr(x, "up", up)) as (served, browser):
        browser.connection.send_headers(1, HEAD)
        browser.flush()
        await eventually(lambda: served.exchanges)
        browser.socket.writer.close()
        await eventually(lambda: up.log == [("cancel",)])
