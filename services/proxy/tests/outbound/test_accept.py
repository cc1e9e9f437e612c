"""Without iptables nothing was redirected, so the kernel knows no original destination."""

import asyncio
from pathlib import Path

from services.proxy.tests import apps
from services.proxy.tests.loop import on_uvloop
from services.proxy.tests.mesh import CLIENT, sidecar


@on_uvloop
async def test_connections_that_nobody_redirected_are_closed(tmp_path: Path) -> None:
    async with sidecar(None, tmp_path, CLIENT, outbound_dst="") as proxy, apps.client(proxy.outbound) as client:
        assert await client.ended() == b""
        assert proxy.path.connections == 0


@on_uvloop
async def test_an_unknown_destination_closes_after_the_discovery_timeout(tmp_path: Path) -> None:
    async with sidecar(None, tmp_path, CLIENT) as proxy, apps.client(proxy.outbound) as client:
        started = asyncio.get_running_loop().time()
        assert await client.ended() == b""
        assert asyncio.get_running_loop().time() - started > 2
        assert proxy.sample("outbound_tcp_errors_total") == 1
