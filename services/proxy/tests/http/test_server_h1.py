"""The HTTP/1 server on a socket, with a service that answers from the test."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from services.proxy.tests import apps
from services.proxy.tests.http.recording import Up
from services.proxy.tests.loop import on_uvloop

from linkerd_proxy.codec.headers import Headers
from linkerd_proxy.errors import LoadShed, RouteNotFound
from linkerd_proxy.http.exchange import Exchange
from linkerd_proxy.http.runtime import Runtime
from linkerd_proxy.http.server_h1 import READ_AHEAD, H1Server
from linkerd_proxy.telemetry.metrics import Metrics
from linkerd_testkit.ports import eventually

OK: Headers = [(b":status", b"200")]


class Served:
    def __init__(self, service: Callable[[Exchange], None]) -> None:
        self.runtime = Runtime(asyncio.get_running_loop(), Metrics())
        self.service = service
        self.exchanges: list[Exchange] = []
        self.servers: list[H1Server] = []
        self.addr = ("", 0)
        self.bad = 0

    def __call__(self, x: Exchange) -> None:
        self.exchanges.append(x)
        self.service(x)

    def accept(self) -> H1Server:
        series = self.runtime.metrics.tcp.series("")
        server = H1Server(self.runtime, series, self, emit_errors=True)
        server.on_bad_request = self.count_bad
        self.servers.append(server)
        return server

    def count_bad(self) -> None:
        self.bad += 1


@asynccontextmanager
async def serving(service: Callable[[Exchange], None]) -> AsyncIterator[Served]:
    served = Served(service)
    listening = await asyncio.get_running_loop().create_server(served.accept, "127.0.0.1", 0)
    served.addr = listening.sockets[0].getsockname()[:2]
    try:
        yield served
    finally:
        listening.close()
        for server in served.servers:
            server.kill()
        served.runtime.wheel.close()
        await asyncio.sleep(0)


def answer(body: bytes, fields: Headers | None = None) -> Callable[[Exchange], None]:
    def service(x: Exchange) -> None:
        x.up = Up()
        x.down.respond(x, [*OK, *(fields or [])], False)
        x.down.send(x, body, True)

    return service


@on_uvloop
async def test_a_response_without_a_length_is_chunked() -> None:
    async with serving(answer(b"hello")) as served, apps.client(served.addr) as client:
        for _ in range(2):
            got = await client.get()
            assert got.fields["transfer-encoding"] == "chunked"
            assert got.body == b"hello"


@on_uvloop
async def test_and_ends_with_the_connection_for_http10() -> None:
    async with serving(answer(b"hello")) as served:
        async with apps.client(served.addr) as client:
            got = await client.ask(b"GET / HTTP/1.0\r\n\r\n")
            assert (got.line, got.body) == ("HTTP/1.0 200 OK", b"hello")
        async with apps.client(served.addr) as client:
            served.service = answer(b"12", [(b"content-length", b"2")])
            for _ in range(2):
                got = await client.ask(b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
                assert (got.fields["connection"], got.body) == ("keep-alive", b"12")


@on_uvloop
async def test_connection_close_is_honoured() -> None:
    async with serving(answer(b"x")) as served, apps.client(served.addr) as client:
        got = await client.get(connection="close")
        assert got.fields["connection"] == "close"
        assert await client.ended() == b""


@on_uvloop
async def test_interim_responses_pass() -> None:
    def service(x: Exchange) -> None:
        x.up = Up()
        x.down.inform(x, [(b":status", b"100")])
        x.down.respond(x, [*OK, (b"content-length", b"0")], True)

    async with serving(service) as served, apps.client(served.addr) as client:
        assert (await client.get(expect="100-continue")).status == 100
        assert (await client.answer()).status == 200


@on_uvloop
async def test_trailers_end_a_chunked_response() -> None:
    def service(x: Exchange) -> None:
        x.up = Up()
        x.down.respond(x, OK, False)
        x.down.send(x, b"body", False)
        x.down.trailers(x, [(b"x-end", b"1")])

    async with serving(service) as served, apps.client(served.addr) as client:
        got = await client.get()
        assert (got.body, got.fields["trailer:x-end"]) == (b"body", "1")


@on_uvloop
async def test_what_is_not_http_is_answered_once_and_closed() -> None:
    async with serving(answer(b"")) as served:
        junk: list[tuple[bytes, str]] = [
            (b"GET / HTTP/1.1\r\nA : 1\r\n\r\n", "HTTP/1.1 400"),
            (b"GET / HTTP/9.9\r\n\r\n", "HTTP/1.1 505"),
            (b"GET example.com:80 HTTP/1.1\r\n\r\n", "HTTP/1.1 400"),
            (b"CONNECT /path HTTP/1.1\r\n\r\n", "HTTP/1.1 400"),
            (b"CONNECT example.com:80 HTTP/1.0\r\n\r\n", "HTTP/1.0 400"),
        ]
        for sent, line in junk:
            async with apps.client(served.addr) as client:
                got = await client.ask(sent)
                assert got.line.startswith(line), sent
                assert got.fields["connection"] == "close"
                assert await client.ended() == b""
    assert served.exchanges == []
    assert served.bad == len(junk)


@on_uvloop
async def test_a_body_that_nobody_takes_stops_the_client() -> None:
    up = Up()

    def service(x: Exchange) -> None:
        x.up = up

    async with serving(service) as served, apps.client(served.addr) as client:
        client.send(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 50000000\r\n\r\n")
        client.send(bytes(50_000_000))

        def taken() -> int:
            return sum(len(entry[1]) for entry in up.log if isinstance(entry[1], bytes))

        await eventually(lambda: taken() > READ_AHEAD)
        before = -1
        while before != (before := taken()):
            await asyncio.sleep(0.1)
        # What one read brings beyond the bound is all.
        assert taken() < READ_AHEAD + 400_000
        x = served.exchanges[0]
        while not any(entry[-1] is True for entry in up.log if entry[0] == "send"):
            sent = sum(len(entry[1]) for entry in up.log if entry[0] == "send" and isinstance(entry[1], bytes))
            up.log.clear()
            x.down.consumed(x, sent)
            await asyncio.sleep(0)
        assert x.flags & 1


@on_uvloop
async def test_a_client_that_leaves_is_reported() -> None:
    up = Up()

    def service(x: Exchange) -> None:
        x.up = up

    async with serving(service) as served:
        async with apps.client(served.addr) as client:
            client.send(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
            await eventually(lambda: served.exchanges)
        await eventually(lambda: up.log == [("cancel",)])


@on_uvloop
async def test_errors_that_close_and_errors_that_do_not() -> None:
    async with serving(lambda x: x.fail(RouteNotFound())) as served, apps.client(served.addr) as client:
        assert (await client.get()).status == 404
        served.service = lambda x: x.fail(LoadShed())
        got = await client.get()
        assert (got.status, got.fields["l5d-proxy-error"]) == (503, "service unavailable")
        assert got.fields["l5d-proxy-connection"] == "close"
        assert await client.ended() == b""


@on_uvloop
async def test_an_error_before_the_request_has_ended_still_arrives() -> None:
    async with serving(lambda x: x.fail(LoadShed())) as served, apps.client(served.addr) as client:
        client.send(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3000000\r\n\r\n" + bytes(1_000_000))
        assert (await client.answer()).status == 503


@on_uvloop
async def test_drain_closes_idle_connections_at_once() -> None:
    async with serving(answer(b"x")) as served, apps.client(served.addr) as client:
        await client.get()
        served.servers[0].drain()
        assert await client.ended() == b""


@on_uvloop
async def test_a_response_that_waits_to_be_written_keeps_the_next_request_waiting() -> None:
    """Else who asks ahead and reads nothing would fill the memory; and what was held goes back to its sender."""
    up = Up()
    heads: list[bytes] = []

    def take(x: Exchange) -> None:
        heads.append(x.head.path)
        x.up = up

    async with serving(take) as served, apps.client(served.addr) as client:
        client.send(b"GET /1 HTTP/1.1\r\nHost: v\r\n\r\nGET /2 HTTP/1.1\r\nHost: v\r\n\r\n")
        await eventually(lambda: served.exchanges)
        (server,), (x,) = served.servers, served.exchanges
        server.pause_writing()
        server.respond(x, [*OK, (b"content-length", b"150")], False)
        server.send(x, b"x" * 100, False)
        server.send(x, b"y" * 50, True)
        assert (up.log, heads) == ([], [b"/1"])
        server.resume_writing()
        assert (up.log, heads) == ([("consumed", 150)], [b"/1", b"/2"])
        # The second one is written as slowly, and the client leaves.
        second = served.exchanges[1]
        server.pause_writing()
        server.respond(second, [*OK, (b"content-length", b"7")], False)
        server.send(second, b"z" * 7, True)
        client.writer.transport.abort()
        await eventually(lambda: server.closed)
        assert up.log[1:] == [("consumed", 7), ("cancel",)]


@on_uvloop
async def test_the_last_response_of_a_connection_gives_back_what_it_held() -> None:
    up = Up()

    def take(x: Exchange) -> None:
        x.up = up

    async with serving(take) as served, apps.client(served.addr) as client:
        client.send(b"GET / HTTP/1.1\r\nHost: v\r\nConnection: close\r\n\r\n")
        await eventually(lambda: served.exchanges)
        (server,), (x,) = served.servers, served.exchanges
        server.pause_writing()
        server.respond(x, [*OK, (b"content-length", b"3")], False)
        server.send(x, b"abc", True)
        assert up.log == [("consumed", 3)]
        assert (await client.answer()).body == b"abc"
