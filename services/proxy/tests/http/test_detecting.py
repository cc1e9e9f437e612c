import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from services.proxy.tests import apps
from services.proxy.tests.loop import on_uvloop

from linkerd_proxy.http.detecting import Decide, FirstRead, Why, hand_over
from linkerd_proxy.transport.wheel import Wheel
from linkerd_testkit.ports import eventually


class Log(asyncio.Protocol):
    def __init__(self) -> None:
        self.received = b""

    def data_received(self, data: bytes) -> None:
        self.received += data


@asynccontextmanager
async def listening(decide: Decide, on_lost: Callable[[], None], timeout: float = 60) -> AsyncIterator[tuple[str, int]]:
    loop = asyncio.get_running_loop()
    wheel = Wheel(loop)
    server = await loop.create_server(lambda: FirstRead(wheel, timeout, decide, on_lost), "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()[:2]
    yield host, port
    server.close()
    wheel.close()


@on_uvloop
async def test_bytes_gather_until_decided_and_go_to_the_next_protocol() -> None:
    log = Log()
    asked: list[tuple[bytes, Why]] = []

    def decide(transport: asyncio.Transport, data: bytes, why: Why) -> bool:
        asked.append((data, why))
        if len(data) < 4:
            return False
        hand_over(transport, log, data)
        return True

    async with listening(decide, lambda: None) as addr, apps.client(addr) as client:
        client.send(b"ab")
        await eventually(lambda: asked == [(b"ab", Why.data)])
        client.send(b"cd")
        await eventually(lambda: log.received == b"abcd")
        client.send(b"ef")
        await eventually(lambda: log.received == b"abcdef")
    assert asked[1] == (b"abcd", Why.data)


@on_uvloop
async def test_silence_and_ends_are_decided_too_and_an_undecided_connection_is_closed() -> None:
    asked: list[tuple[bytes, Why]] = []
    lost: list[bool] = []

    def decide(transport: asyncio.Transport, data: bytes, why: Why) -> bool:
        asked.append((data, why))
        return False

    async with listening(decide, lambda: lost.append(True), 0.05) as addr:
        async with apps.client(addr) as client:
            assert await client.ended() == b""
        assert asked == [(b"", Why.timeout)]
        async with apps.client(addr) as client:
            client.send(b"x")
            client.writer.write_eof()
            assert await client.ended() == b""
        assert asked[-1] == (b"x", Why.eof)
    assert lost == [True, True]


@on_uvloop
async def test_a_client_that_vanishes_is_reported_once() -> None:
    lost: list[bool] = []

    def decide(transport: asyncio.Transport, data: bytes, why: Why) -> bool:
        return False

    async with listening(decide, lambda: lost.append(True)) as addr:
        async with apps.client(addr):
            pass
        await eventually(lambda: lost)
        await asyncio.sleep(0.02)
    assert lost == [True]
