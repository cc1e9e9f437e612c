import asyncio
import gc
import os
import socket
import threading
import time
from pathlib import Path
from typing import cast

import pytest
from services.proxy.tests import apps
from services.proxy.tests.loop import on_uvloop
from services.proxy.tests.mesh import CLIENT, SERVER, sidecar

from linkerd_proxy.addrs import ServerAddr
from linkerd_proxy.errors import ConnectFailed, ConnectTimeout
from linkerd_proxy.transport.connect import ClientTls, Dialer
from linkerd_proxy.transport.turn import Turn
from linkerd_runtime import tls
from linkerd_runtime.settings import Addr
from linkerd_testkit.certs import Authority


def dialer(**options: bool | int) -> Dialer:
    return Dialer(asyncio.get_running_loop(), 0.3, **options)  # type: ignore[arg-type]


def at(addr: tuple[str, int]) -> ServerAddr:
    return ServerAddr(Addr(*addr))


async def _silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()


@on_uvloop
async def test_refused_says_so() -> None:
    addr = apps.nobody()
    with pytest.raises(ConnectFailed, match="Connection refused"):
        await dialer().connect(at(addr), asyncio.Protocol())


@on_uvloop
async def test_no_answer_is_a_timeout() -> None:
    with socket.socket() as full:
        # A listening socket whose queue is full answers no further SYN.
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        fillers = [socket.socket() for _ in range(3)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(full.getsockname())
        with pytest.raises(ConnectTimeout):
            await dialer().connect(at(full.getsockname()), asyncio.Protocol())
        for filler in fillers:
            filler.close()


@on_uvloop
async def test_a_silent_tls_server_is_a_timeout(tmp_path: Path) -> None:
    async with apps.server(_silent) as addr, sidecar(Authority(), tmp_path, CLIENT) as proxy:
        tls = ClientTls(proxy.runtime.tls.client("h2"), SERVER, proxy.runtime.turn)
        with pytest.raises(ConnectTimeout):
            await dialer().connect(at(addr), asyncio.Protocol(), tls)


@on_uvloop
async def test_another_identity_is_refused(tmp_path: Path) -> None:
    authority = Authority()
    async with (
        sidecar(authority, tmp_path, SERVER) as server,
        sidecar(authority, tmp_path, CLIENT) as client,
    ):
        context = client.runtime.tls.client("h2")
        # The server's certificate carries one name; a client that expects another must not speak to it. It is asked
        # for by the name that the server has, so that it answers at all.
        connected = asyncio.Protocol()
        turn = Turn(asyncio.get_running_loop())
        await dialer().connect(at(server.inbound), connected, ClientTls(context, SERVER, turn))
        with pytest.raises(ConnectFailed):
            await dialer().connect(at(server.inbound), asyncio.Protocol(), ClientTls(context, "other.id", turn))


@on_uvloop
async def test_loops_are_refused() -> None:
    with pytest.raises(ConnectFailed, match="loopback"):
        await dialer(refuse_loopback=True).connect(at(("127.0.0.1", 80)), asyncio.Protocol())
    with pytest.raises(ConnectFailed, match="own inbound port"):
        await dialer(refuse_port=4143).connect(at(("10.0.0.1", 4143)), asyncio.Protocol())


class _Leaves(asyncio.Protocol):
    """Gone as soon as it is connected, as a relay whose client left meanwhile."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        cast("asyncio.Transport", transport).abort()


@on_uvloop
async def test_a_connection_that_ends_at_once_leaves_other_descriptors_alone() -> None:
    """uvloop closes the descriptor then, and knows nothing of the socket object that would close it once more: by then
    it is another connection's, and the process ends (libuv aborts)."""
    async with apps.echo_app() as addr:
        for _ in range(20):
            await Dialer(asyncio.get_running_loop(), 1.0).connect(ServerAddr(Addr(*addr)), _Leaves())
            others = [os.open(os.devnull, os.O_RDONLY) for _ in range(8)]
            await asyncio.sleep(0.01)
            gc.collect()
            for fd in others:
                os.close(fd)  # raises where somebody else did


@on_uvloop
async def test_what_came_in_time_counts_though_the_loop_comes_to_it_late(tmp_path: Path) -> None:
    """A pod that gets no CPU for a while must not take its own lateness for its peer's."""
    authority = Authority()
    leaf = authority.leaf(SERVER)
    chain, key = leaf.write(tmp_path)
    context = tls.server_context(str(chain), str(key), None)
    ready, stop = threading.Event(), threading.Event()
    listening = socket.create_server(("127.0.0.1", 0))
    listening.settimeout(apps.DEADLINE)

    def serve() -> None:
        ready.set()
        accepted, _ = listening.accept()
        with context.wrap_socket(accepted, server_side=True):
            stop.wait(apps.DEADLINE)

    thread = threading.Thread(target=serve)
    thread.start()
    await asyncio.to_thread(ready.wait)
    loop = asyncio.get_running_loop()
    client = tls.client_context(authority.anchors, str(chain), str(key))
    client.check_hostname = False
    loop.call_later(0.0, time.sleep, 0.5)
    try:
        await dialer().connect(at(listening.getsockname()), asyncio.Protocol(), ClientTls(client, SERVER, Turn(loop)))
    finally:
        stop.set()
        await asyncio.to_thread(thread.join)
        listening.close()
