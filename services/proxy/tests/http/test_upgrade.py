"""Upgrades that are refused, and CONNECT; an accepted upgrade is in test_datapath."""

import asyncio
from pathlib import Path

from services.proxy.tests import apps
from services.proxy.tests.loop import on_uvloop
from services.proxy.tests.mesh import pair


@on_uvloop
async def test_a_refused_upgrade_is_a_response(tmp_path: Path) -> None:
    async with apps.echo_app() as app, pair(tmp_path, app) as mesh, apps.client(mesh.addr) as client:
        got = await client.get("/ws", connection="upgrade", upgrade="websocket")
        assert got.status == 200
        assert got.fields["x-upgrade"] == "websocket"
        assert await client.ended() == b""


@on_uvloop
async def test_connect_is_a_tunnel(tmp_path: Path) -> None:
    async def app(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line, _ = await apps.read_head(reader)
        assert line == "CONNECT other:443 HTTP/1.1"
        # A length means nothing here, and must not be taken for one (RFC 9110 section 9.3.6).
        writer.write(b"HTTP/1.1 200 Connected\r\nContent-Length: 0\r\n\r\n")
        writer.write((await reader.readexactly(3)).upper())

    async with apps.server(app) as addr, pair(tmp_path, addr) as mesh, apps.client(mesh.addr) as client:
        client.send(b"CONNECT other:443 HTTP/1.1\r\nHost: other:443\r\n\r\n")
        line, fields = await apps.read_head(client.reader)
        assert line.startswith("HTTP/1.1 200")
        assert "transfer-encoding" not in fields
        assert "content-length" not in fields
        client.send(b"abc")
        assert await client.ended() == b"ABC"
