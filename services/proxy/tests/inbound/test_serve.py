from pathlib import Path

from services.proxy.tests import apps
from services.proxy.tests.loop import on_uvloop
from services.proxy.tests.mesh import pair

from linkerd_testkit.ports import eventually


@on_uvloop
async def test_connections_are_known_while_they_are_open(tmp_path: Path) -> None:
    async with apps.echo_app() as app, pair(tmp_path, app) as mesh:
        async with apps.client(mesh.server.inbound) as client:
            await client.get()
            assert mesh.server.path.connections == 1
            assert mesh.server.sample("tcp_open_connections", 'peer="src"', 'srv_name="test-server"') == 1
        await eventually(lambda: mesh.server.path.connections == 0)
        assert mesh.server.sample("tcp_close_total", 'peer="src"') == 1
