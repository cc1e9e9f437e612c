import asyncio
from pathlib import Path

from services.proxy.tests import apps
from services.proxy.tests.loop import on_uvloop
from services.proxy.tests.mesh import CLIENT, SERVICE, document, sidecar

from linkerd_contract.outbound import Protocol, ProtocolHint
from linkerd_runtime.settings import Addr


@on_uvloop
async def test_connections_are_spread_and_counted(tmp_path: Path) -> None:
    async def app(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.read(10))

    async with apps.server(app) as one, apps.server(app) as two, sidecar(None, tmp_path, CLIENT) as proxy:
        known = document([Addr(*one), Addr(*two)], identity=None, hint=ProtocolHint.none, protocol=Protocol.opaque)
        proxy.discovery.set(SERVICE, known)
        for _ in range(30):
            async with apps.client(proxy.outbound) as client:
                client.send(b"ping")
                assert await client.ended() == b"ping"
        for addr in (one, two):
            assert proxy.sample("tcp_open_total", 'peer="dst"', f'target_port="{addr[1]}"') > 0
        assert proxy.sample("tcp_open_total", 'peer="dst"') == 30
        assert proxy.sample("tcp_read_bytes_total", 'peer="src"') == 120
