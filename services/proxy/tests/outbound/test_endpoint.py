import asyncio
import ssl
from pathlib import Path

import msgspec
import pytest
from services.proxy.tests import apps
from services.proxy.tests.loop import on_uvloop
from services.proxy.tests.mesh import CLIENT, SERVER, SERVICE, document, impatient, pair, sidecar

from linkerd_contract.outbound import Http2Params, ProtocolHint
from linkerd_proxy.codec.h2 import frames
from linkerd_runtime.settings import Addr
from linkerd_testkit.certs import Authority
from linkerd_testkit.ports import eventually


@on_uvloop
async def test_a_required_identity_is_checked_and_not_passed_on(tmp_path: Path) -> None:
    seen: list[tuple[str, dict[str, str], bytes]] = []
    async with apps.echo_app(seen) as app, pair(tmp_path, app) as mesh:
        async with apps.client(mesh.addr) as client:
            assert (await client.get(l5d_require_id=SERVER)).status == 200
            assert "l5d-require-id" not in seen[0][1]
        async with apps.client(mesh.addr) as client:
            got = await client.get(l5d_require_id="another.id")
            assert got.status == 502
            assert "require id another.id" in got.fields["l5d-proxy-error"]
        assert len(seen) == 1


@on_uvloop
async def test_a_server_with_another_identity_gets_nothing(tmp_path: Path) -> None:
    authority = Authority()
    seen: list[tuple[str, dict[str, str], bytes]] = []
    async with (
        apps.echo_app(seen) as app,
        sidecar(authority, tmp_path, "impostor.id", inbound_dst=str(Addr(*app))) as server,
        sidecar(authority, tmp_path, CLIENT) as client_proxy,
    ):
        client_proxy.discovery.set(SERVICE, impatient(document([server.inbound])))
        async with apps.client(client_proxy.outbound) as client:
            # Its proxy passes a hello for another name through to the application, which cannot answer it.
            assert (await client.get()).status == 504
    assert seen == []


@on_uvloop
async def test_an_endpoint_that_comes_back_is_used_again(tmp_path: Path) -> None:
    authority = Authority()
    async with apps.echo_app() as app, sidecar(authority, tmp_path, CLIENT) as client_proxy:

        async def served() -> bool:
            async with apps.client(client_proxy.outbound) as client:
                return (await client.get()).status == 200

        async with sidecar(authority, tmp_path, SERVER, inbound_dst=str(Addr(*app))) as server:
            where = server.inbound
            client_proxy.discovery.set(SERVICE, impatient(document([where])))
            # Where the machine is busy, the first handshake may take longer than such a failfast.
            await eventually(served)
        for status in (504, 503):
            async with apps.client(client_proxy.outbound) as client:
                assert (await client.get()).status == status
        listen = {"INBOUND_LISTEN_ADDR": str(where)}
        async with sidecar(authority, tmp_path, SERVER, inbound_dst=str(Addr(*app)), **listen):
            await eventually(served)


@pytest.mark.parametrize("forwarded", [True, False])
@on_uvloop
async def test_a_forwarded_connection_is_closed_where_the_peer_says_so(tmp_path: Path, forwarded: bool) -> None:
    async def app(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await apps.read_head(reader)
            writer.write(b"HTTP/1.1 502 X\r\nl5d-proxy-connection: close\r\ncontent-length: 0\r\n\r\n")

    async with apps.server(app) as addr, sidecar(None, tmp_path, CLIENT) as proxy:
        known = document([Addr(*addr)], identity=None, hint=ProtocolHint.none)
        authority = str(Addr(*addr)) if forwarded else "a-service:80"
        proxy.discovery.set(SERVICE, msgspec.structs.replace(known, authority=authority))
        async with apps.client(proxy.outbound) as client:
            got = await client.get()
            assert got.fields.get("connection") == ("close" if forwarded else None)
            assert "l5d-proxy-connection" not in got.fields


@on_uvloop
async def test_a_peer_that_falls_silent_is_lost_and_connected_to_again(tmp_path: Path) -> None:
    """Keep-alive PINGs find out that a pod is gone of which no packet says so."""
    authority = Authority()
    accepted: list[asyncio.StreamWriter] = []

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        accepted.append(writer)
        writer.write(frames.settings({}))
        try:
            while await reader.read(100):
                pass
        except ConnectionError:
            pass
        finally:
            writer.close()

    chain, key = authority.leaf(SERVER).write(tmp_path / "server")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain, key)
    context.set_alpn_protocols(["h2"])
    listening = await asyncio.start_server(silent, "127.0.0.1", 0, ssl=context)
    async with sidecar(authority, tmp_path, CLIENT) as proxy, apps.client(proxy.outbound) as client:
        known = document([Addr(*listening.sockets[0].getsockname()[:2])])
        proxy.discovery.set(SERVICE, msgspec.structs.replace(known, http2=Http2Params(100, 200)))
        assert (await client.get()).status == 502
        assert proxy.sample("response_total", 'error="i/o"') == 1
        # It is idempotent, so it was sent once more, on another connection.
        assert len(accepted) >= 2
    listening.close()
    await eventually(lambda: all(writer.is_closing() for writer in accepted))
