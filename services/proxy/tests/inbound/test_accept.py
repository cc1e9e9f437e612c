from pathlib import Path

import pytest
from services.proxy.tests import apps
from services.proxy.tests.loop import on_uvloop
from services.proxy.tests.mesh import SERVER, sidecar

from linkerd_proxy.addrs import OrigDst
from linkerd_proxy.inbound import accept
from linkerd_runtime.settings import Addr


@on_uvloop
async def test_connections_straight_to_the_inbound_port_are_refused(tmp_path: Path) -> None:
    async with sidecar(None, tmp_path, SERVER, inbound_dst="") as proxy, apps.client(proxy.inbound) as client:
        assert await client.ended() == b""
        assert proxy.path.connections == 0


@pytest.mark.parametrize(("ips", "served"), [("", True), ("127.0.0.1,10.0.0.9", True), ("10.0.0.9", False)])
@on_uvloop
async def test_only_addresses_of_the_pod_are_served(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ips: str, served: bool
) -> None:
    async with apps.echo_app() as app, sidecar(None, tmp_path, SERVER, inbound_dst="", INBOUND_IPS=ips) as proxy:
        # What iptables would have told the kernel.
        monkeypatch.setattr(accept, "original_dst", lambda _sock, _host: OrigDst(Addr(*app)))
        async with apps.client(proxy.inbound) as client:
            if served:
                assert (await client.get()).status == 200
            else:
                assert await client.ended() == b""
