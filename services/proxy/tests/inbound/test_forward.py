import asyncio
from pathlib import Path

from services.proxy.tests import apps
from services.proxy.tests.loop import on_uvloop
from services.proxy.tests.mesh import pair

from linkerd_proxy.addrs import OrigDst
from linkerd_proxy.http.runtime import Runtime
from linkerd_proxy.inbound.forward import Forward
from linkerd_proxy.settings import Settings
from linkerd_proxy.telemetry.metrics import Metrics
from linkerd_proxy.transport.connect import Dialer
from linkerd_runtime.settings import Addr

ENV = {"LINKERD2_PROXY_IDENTITY_DISABLED": "1", "LINKERD2_PROXY_DESTINATION_SVC_ADDR": "127.0.0.1:1"}


async def test_one_application_for_each_address() -> None:
    runtime = Runtime(asyncio.get_running_loop(), Metrics())
    forward = Forward(runtime, Settings.from_env(ENV).inbound, Dialer(runtime.loop, 1))
    one = OrigDst(Addr("10.0.0.1", 80))
    assert forward.to(one) is forward.to(OrigDst(Addr("10.0.0.1", 80)))
    assert forward.to(one) is not forward.to(OrigDst(Addr("10.0.0.1", 81)))
    forward.close()


@on_uvloop
async def test_connections_to_the_application_are_kept(tmp_path: Path) -> None:
    async with apps.echo_app() as app, pair(tmp_path, app) as mesh, apps.client(mesh.addr) as client:
        for _ in range(10):
            assert (await client.get()).status == 200
        assert mesh.server.sample("tcp_open_total", 'peer="dst"') == 1
