"""HTTP/1 in full through two sidecars: what ends a body, trailers both ways, statuses without a body, no Host."""

import asyncio
from pathlib import Path

import pytest
from services.proxy.tests import apps
from services.proxy.tests.loop import on_uvloop
from services.proxy.tests.mesh import pair

from linkerd_contract.outbound import ProtocolHint

hints = pytest.mark.parametrize("hint", [ProtocolHint.h2, ProtocolHint.none])


def answers(*texts: bytes, close: bool = False) -> apps.Handler:
    """An application that answers with these bytes in turn."""

    async def app(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for text in texts:
            _, fields = await apps.read_head(reader)
            if "content-length" in fields or "transfer-encoding" in fields:
                await apps.read_body(reader, fields)
            writer.write(text)
        if not close:
            await reader.read()

    return app


@hints
@on_uvloop
async def test_a_body_that_ends_with_its_connection_is_chunked_or_ends_the_clients(
    tmp_path: Path, hint: ProtocolHint
) -> None:
    app = answers(b"HTTP/1.0 200 OK\r\n\r\nall of it", close=True)
    async with apps.server(app) as addr, pair(tmp_path, addr, hint=hint) as mesh:
        async with apps.client(mesh.addr) as client:
            got = await client.get()
            assert (got.line, got.body) == ("HTTP/1.1 200 OK", b"all of it")
            assert got.fields["transfer-encoding"] == "chunked"
            # The client's connection outlives the application's.
            assert (await client.get()).body == b"all of it"
        async with apps.client(mesh.addr) as client:
            got = await client.ask(b"GET / HTTP/1.0\r\n\r\n")
            assert (got.line, got.body) == ("HTTP/1.0 200 OK", b"all of it")
            assert "transfer-encoding" not in got.fields


@hints
@on_uvloop
async def test_trailers_pass_both_ways(tmp_path: Path, hint: ProtocolHint) -> None:
    seen: list[str] = []

    async def app(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        _, fields = await apps.read_head(reader)
        assert await apps.read_body(reader, fields) == b"abc"
        seen.append(fields["trailer:x-sum"])
        writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nx-after: late\r\n\r\n")
        await reader.read()

    async with apps.server(app) as addr, pair(tmp_path, addr, hint=hint) as mesh, apps.client(mesh.addr) as client:
        head = b"POST / HTTP/1.1\r\nHost: v\r\nTE: trailers\r\nTransfer-Encoding: chunked\r\n\r\n"
        got = await client.ask(head + b"3\r\nabc\r\n0\r\nx-sum: 7\r\n\r\n")
        assert (got.body, got.fields["trailer:x-after"]) == (b"ok", "late")
    assert seen == ["7"]


@hints
@on_uvloop
async def test_statuses_without_a_body_keep_the_connection(tmp_path: Path, hint: ProtocolHint) -> None:
    app = answers(
        b"HTTP/1.1 204 No Content\r\n\r\n",
        b"HTTP/1.1 304 Not Modified\r\ncontent-length: 10\r\n\r\n",
        b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok",
    )
    async with apps.server(app) as addr, pair(tmp_path, addr, hint=hint) as mesh, apps.client(mesh.addr) as client:
        for status in (204, 304):
            got = await client.get()
            assert (got.status, got.body) == (status, b"")
            assert "transfer-encoding" not in got.fields
        early = await client.get()
        assert (early.status, early.fields["link"]) == (103, "</a>")
        assert (await client.answer()).body == b"ok"


@hints
@pytest.mark.parametrize("host", [b"", b"Host:\r\n"])
@on_uvloop
async def test_without_a_host(tmp_path: Path, hint: ProtocolHint, host: bytes) -> None:
    async with apps.echo_app() as app, pair(tmp_path, app, hint=hint) as mesh, apps.client(mesh.addr) as client:
        for _ in range(2):
            got = await client.ask(b"GET /h HTTP/1.1\r\n" + host + b"\r\n")
            assert (got.status, got.body) == (200, b"GET /h HTTP/1.1|")
        # Who says so little may be old: each has a connection of its own to the application (Linkerd).
        assert mesh.server.sample("tcp_open_total", 'peer="dst"') == 2


@pytest.mark.parametrize(
    "head",
    [
        b"CONNECT other:443 HTTP/1.0\r\n\r\n",
        b"CONNECT / HTTP/1.1\r\nHost: other\r\n\r\n",
        b"GET other:443 HTTP/1.1\r\nHost: other\r\n\r\n",
    ],
)
@on_uvloop
async def test_authority_form_is_for_connect_of_http_11(tmp_path: Path, head: bytes) -> None:
    seen: list[tuple[str, dict[str, str], bytes]] = []
    async with apps.echo_app(seen) as app, pair(tmp_path, app) as mesh, apps.client(mesh.addr) as client:
        assert (await client.ask(head)).status == 400
        assert await client.ended() == b""
    assert seen == []
