"""The limit of requests under way: exact when it is reached, and rationed in what it costs."""

import asyncio
from dataclasses import dataclass
from pathlib import Path

from services.proxy.tests import apps
from services.proxy.tests.loop import on_uvloop
from services.proxy.tests.mesh import pair

from linkerd_proxy.http.connections import Connections
from linkerd_proxy.http.in_flight import PACE, InFlight
from linkerd_proxy.transport.turn import Turn
from linkerd_testkit.ports import eventually


@dataclass(eq=False)
class Connection:
    in_flight: int = 0

    def drain(self) -> None: ...

    def kill(self) -> None: ...


async def test_the_tally_is_corrected_when_it_reaches_the_limit() -> None:
    turn = Turn(asyncio.get_running_loop())
    connections = Connections()
    several = [Connection() for _ in range(10)]
    for connection in several:
        connections.add(connection)
    limit = InFlight(3, connections, turn)
    for _ in range(100):  # one at a time
        turn.now += 1
        several[0].in_flight = 1
        assert limit.admit()
        several[0].in_flight = 0
    for connection in several[:3]:
        turn.now += 1
        connection.in_flight += 1
        assert limit.admit()
    turn.now += 1
    several[4].in_flight = 1
    assert not limit.admit()
    several[4].in_flight = several[0].in_flight = 0
    turn.now += PACE * 9
    several[5].in_flight = 1
    assert not limit.admit()  # counted too short a while ago
    turn.now += PACE * 2
    assert limit.admit()


@on_uvloop
async def test_what_is_above_is_shed_and_counted(tmp_path: Path) -> None:
    release = asyncio.Event()

    async def app(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.readuntil(b"\r\n\r\n"):
            await release.wait()
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    async with apps.server(app) as addr, pair(tmp_path, addr, INBOUND_MAX_IN_FLIGHT="1") as mesh:
        first, second = apps.client(mesh.addr), apps.client(mesh.addr)
        async with first as one, second as two:
            waiting = asyncio.create_task(one.get("/"))
            await eventually(lambda: mesh.server.sample("request_total", 'direction="inbound"') == 1)
            refused = await two.get("/")
            assert refused.status == 503
            assert mesh.server.sample("inbound_http_errors_total", 'error="loadshed"') == 1
            release.set()
            assert (await waiting).status == 200
        async with apps.client(mesh.addr) as three:
            assert (await three.get("/")).status == 200
