"""The end of a proxy: what is not finished by the end of the grace period is ended by force."""

import asyncio
import signal
from pathlib import Path

import pytest
from services.proxy.tests import apps
from services.proxy.tests.mesh import SERVICE, document, inbound_document
from services.proxy.tests.running import START_SECONDS, pair, sidecar

from linkerd_runtime.settings import Addr
from linkerd_testkit.control_plane import FakeControlPlane
from linkerd_testkit.ports import eventually


async def never(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()


@pytest.mark.parametrize("data", [b"GET / HTTP/1.1\r\nHost: v\r\n\r\n", b"\0" * 20], ids=["http", "opaque"])
async def test_the_grace_period_ends_what_does_not_end(tmp_path: Path, data: bytes) -> None:
    async with (
        apps.server(never) as app,
        pair(tmp_path, app, SHUTDOWN_GRACE_PERIOD="500ms") as (client, server),
        apps.client(client.outbound) as connection,
    ):
        connection.send(data)

        async def arrived() -> bool:
            return await server.sample("tcp_open_total", 'peer="dst"') == 1

        await eventually(arrived)
        client.process.send(signal.SIGTERM)
        assert await client.process.wait() == 0
        try:
            assert await connection.ended() == b""
        except ConnectionError:
            pass


async def test_the_shutdown_endpoint_drains(tmp_path: Path) -> None:
    async with (
        FakeControlPlane() as control_plane,
        apps.echo_app() as app,
        sidecar(control_plane, tmp_path, "voting", app, SHUTDOWN_ENDPOINT_ENABLED="true") as proxy,
    ):
        await eventually(proxy.ready, seconds=START_SECONDS)
        await control_plane.watch.set_inbound(inbound_document())
        await control_plane.watch.set_outbound(SERVICE, document([Addr(*app)], identity=None))
        async with apps.client(proxy.inbound) as connection:
            assert (await connection.get()).status == 200
            assert await proxy.post("/shutdown") == 200
            assert await connection.ended() == b""
        assert await proxy.process.wait() == 0
