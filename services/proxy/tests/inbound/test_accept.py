from pathlib import Path

from services.proxy.tests import apps
from services.proxy.tests.loop import on_uvloop
from services.proxy.tests.mesh import SERVER, sidecar


@on_uvloop
async def test_connections_straight_to_the_inbound_port_are_refused(tmp_path: Path) -> None:
    async with sidecar(None, tmp_path, SERVER, inbound_dst="") as proxy, apps.client(proxy.inbound) as client:
        assert await client.ended() == b""
        assert proxy.path.connections == 0
