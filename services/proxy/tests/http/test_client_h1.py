"""The HTTP/1 client against a server of the test's; pooling is in test_pool."""

import asyncio
from collections.abc import Awaitable, Callable

from services.proxy.tests import apps
from services.proxy.tests.http.recording import GET, Down, Observer, exchange
from services.proxy.tests.loop import on_uvloop

from linkerd_proxy.addrs import ServerAddr
from linkerd_proxy.errors import ConnectionLost
from linkerd_proxy.http.exchange import CLOSED, HTTP_11, REQUEST_ENDED, RESPONSE_ENDED, Exchange
from linkerd_proxy.http.pool import H1Pool, Target
from linkerd_proxy.http.runtime import Runtime
from linkerd_proxy.telemetry.metrics import Metrics
from linkerd_proxy.transport.connect import Dialer
from linkerd_runtime.settings import Addr
from linkerd_testkit.ports import eventually

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def sent(data: bytes) -> Handler:
    """A server that answers with these bytes and closes."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await apps.read_head(reader)
        writer.write(data)

    return handle


async def ask(handler: Handler, method: bytes = b"GET") -> tuple[Exchange, Down, Observer]:
    async with apps.server(handler) as addr:
        runtime = Runtime(asyncio.get_running_loop(), Metrics())
        target = Target(runtime, ServerAddr(Addr(*addr)), Dialer(runtime.loop, 1.0), runtime.metrics.tcp.series(""))
        pool = H1Pool(target, 1.0, 10)
        x = exchange([(b":method", method), *GET[1:]], version=HTTP_11)
        x.flags |= REQUEST_ENDED
        observer = x.observer = Observer()
        assert isinstance(x.down, Down)
        down = x.down
        pool.send(x, x.head.fields)
        await eventually(lambda: x.flags & (CLOSED | RESPONSE_ENDED))
        pool.abort()
        await asyncio.sleep(0.01)
        return x, down, observer


@on_uvloop
async def test_small_responses_are_a_head_and_one_end() -> None:
    _, down, observer = await ask(sent(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"))
    assert [entry[0] for entry in down.log] == ["respond", "send"]
    assert down.log[1] == ("send", b"ok", True)
    assert observer.log == [("head", b"200"), ("first data",), ("end", b"200", None)]


@on_uvloop
async def test_responses_without_a_body_end_with_their_head() -> None:
    for head, method in (
        (b"HTTP/1.1 204 No Content\r\n\r\n", b"GET"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", b"HEAD"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", b"GET"),
    ):
        _, down, _ = await ask(sent(head), method)
        assert [(entry[0], entry[-1]) for entry in down.log] == [("respond", True)]


@on_uvloop
async def test_a_body_may_end_with_the_connection() -> None:
    _, down, observer = await ask(sent(b"HTTP/1.0 200 OK\r\n\r\nuntil the end"))
    assert (
        b"".join(entry[1] for entry in down.log if entry[0] == "send" and isinstance(entry[1], bytes))
        == b"until the end"
    )
    assert observer.log[-1] == ("end", b"200", None)


@on_uvloop
async def test_trailers() -> None:
    body = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nx-end: 1\r\n\r\n"
    _, down, _ = await ask(sent(body))
    assert down.log[-1] == ("trailers", [(b"x-end", b"1")])


@on_uvloop
async def test_a_response_cut_short_is_an_abort() -> None:
    _, down, observer = await ask(sent(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"))
    assert down.log[-1][0] == "abort"
    assert observer.log[-1][0] == "failed"


@on_uvloop
async def test_no_response_is_502() -> None:
    _, down, observer = await ask(sent(b""))
    assert observer.log == [("failed", ConnectionLost)]
    assert down.log[-1][0] == "respond"
