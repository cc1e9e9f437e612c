"""Relays to an application that is not there; the rest is in test_datapath."""

from pathlib import Path

from services.proxy.tests import apps
from services.proxy.tests.loop import on_uvloop
from services.proxy.tests.mesh import inbound_document, pair

from linkerd_contract.outbound import Protocol, ProtocolHint
from linkerd_testkit.ports import eventually


@on_uvloop
async def test_a_dead_application_closes_the_connection(tmp_path: Path) -> None:
    async with apps.echo_app() as dead:
        pass
    inbound = inbound_document(protocol=Protocol.opaque)
    async with pair(tmp_path, dead, hint=ProtocolHint.opaque, protocol=Protocol.opaque, inbound=inbound) as mesh:
        async with apps.client(mesh.addr) as client:
            client.send(b"hello")
            try:
                assert await client.ended() == b""
            except ConnectionError:
                pass
        await eventually(lambda: mesh.server.sample("inbound_tcp_errors_total", 'error="i/o"') == 1)
        await eventually(lambda: mesh.server.sample("tcp_open_connections") == 0)
        await eventually(lambda: mesh.client.sample("tcp_open_connections") == 0)
