"""Keep-alive of HTTP/2 connections; the rest of the shell is seen in test_server_h2 and test_client_h2."""

import asyncio

import pytest
from services.proxy.tests import apps
from services.proxy.tests.http.recording import exchange
from services.proxy.tests.loop import on_uvloop

from linkerd_proxy.codec.h2 import frames
from linkerd_proxy.codec.h2.settings import H2Settings
from linkerd_proxy.http.h2 import H2Shell, KeepAlive
from linkerd_proxy.http.runtime import Runtime
from linkerd_proxy.http.server_h2 import H2Server
from linkerd_proxy.telemetry.metrics import Metrics

PINGS = 2


async def serve(*, answer_pings: bool) -> tuple[float, float]:
    """Connections of our server: opened, and open now, after some answered pings or when it has closed one."""
    loop = asyncio.get_running_loop()
    runtime = Runtime(loop, Metrics())
    series = runtime.metrics.tcp.series("")

    def accept() -> asyncio.Protocol:
        server = H2Server(runtime.turn, series, H2Settings(), lambda _: None, emit_errors=False)
        server.keep_alive = KeepAlive(server, runtime.wheel, 0.05, 1.0)
        return server.wire

    listening = await loop.create_server(accept, "127.0.0.1", 0)
    async with apps.client(listening.sockets[0].getsockname()[:2]) as client:
        client.send(frames.PREFACE + frames.settings({}))
        answered = 0
        while answered < PINGS:
            try:
                data = await asyncio.wait_for(client.reader.read(1000), apps.DEADLINE)
            except ConnectionError:
                break
            if not data:
                break
            if answer_pings and b"l5d-ping" in data:
                client.send(frames.ping(b"l5d-ping", frames.ACK))
                answered += 1
        counts = series.opened.value, series.open.value
    listening.close()
    await asyncio.sleep(0.02)
    runtime.wheel.close()
    return counts


@on_uvloop
async def test_a_peer_that_answers_stays() -> None:
    assert await serve(answer_pings=True) == (1, 1)


@on_uvloop
async def test_a_silent_peer_is_lost() -> None:
    assert await serve(answer_pings=False) == (1, 0)


@on_uvloop
async def test_the_shell_alone_handles_no_stream() -> None:
    runtime = Runtime(asyncio.get_running_loop(), Metrics())
    shell = H2Shell(runtime.turn, runtime.metrics.tcp.series(""), H2Settings())
    with pytest.raises(NotImplementedError):
        shell.ended(None)
    with pytest.raises(NotImplementedError):
        shell.release(exchange())
