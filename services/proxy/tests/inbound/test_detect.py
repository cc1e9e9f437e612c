import asyncio
import logging
import ssl
from pathlib import Path

from services.proxy.tests import apps
from services.proxy.tests.loop import on_uvloop
from services.proxy.tests.mesh import CLIENT, SERVER, inbound_document, pair, sidecar

from linkerd_contract.outbound import Protocol
from linkerd_rules.policy import InboundPolicy
from linkerd_runtime.settings import Addr
from linkerd_testkit.certs import Authority


@on_uvloop
async def test_tls_of_the_application_is_passed_through(tmp_path: Path) -> None:
    own = Authority()
    chain, key = own.leaf("app.example").write(tmp_path / "app")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain, key)

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"secret " + await reader.readexactly(2))
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0, ssl=context)
    host, port = server.sockets[0].getsockname()[:2]
    async with pair(tmp_path, (host, port)) as mesh:
        trusting = ssl.create_default_context(cadata=own.anchors)
        reader, writer = await asyncio.open_connection(
            *mesh.server.inbound, ssl=trusting, server_hostname="app.example"
        )
        writer.write(b"hi")
        assert await asyncio.wait_for(reader.readexactly(9), 30) == b"secret hi"
        writer.close()
        assert mesh.server.sample("tcp_open_total", 'tls="opaque"', 'sni="app.example"') == 1
    server.close()


@on_uvloop
async def test_silence_is_an_error_where_tls_is_looked_for(tmp_path: Path) -> None:
    inbound = inbound_document(detect_timeout_ms=100)
    async with apps.echo_app() as app, pair(tmp_path, app, inbound=inbound) as mesh:
        async with apps.client(mesh.server.inbound) as client:
            assert await client.ended() == b""
        assert mesh.server.sample("inbound_tcp_errors_total", 'error="tls detection timeout"') == 1


@on_uvloop
async def test_a_hello_cut_into_pieces_is_put_together(tmp_path: Path) -> None:
    async with apps.echo_app() as app, pair(tmp_path, app) as mesh:
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = mesh.client.runtime.tls.client("").wrap_bio(incoming, outgoing, server_hostname=SERVER)
        async with apps.client(mesh.server.inbound) as client:
            try:
                tls.do_handshake()
            except ssl.SSLWantReadError:
                pass
            hello = outgoing.read()
            for piece in (hello[:3], hello[3:60], hello[60:]):
                client.send(piece)
                await asyncio.sleep(0.02)
            while True:
                incoming.write(await asyncio.wait_for(client.reader.read(65536), 30))
                try:
                    tls.do_handshake()
                    break
                except ssl.SSLWantReadError:
                    continue
            tls.write(b"GET /tls HTTP/1.1\r\nHost: h\r\n\r\n")
            client.send(outgoing.read())
            answer = b""
            while b"GET /tls" not in answer:
                incoming.write(await asyncio.wait_for(client.reader.read(65536), 30))
                try:
                    answer += tls.read()
                except ssl.SSLWantReadError:
                    continue
            # Without ALPN the protocol inside was detected.
            assert f"x-l5d-client-id: {CLIENT}".encode() in answer


@on_uvloop
async def test_ports_by_protocol(tmp_path: Path) -> None:
    async with apps.echo_app() as app, pair(tmp_path, app) as mesh:
        mesh.serve(inbound_document(protocol=Protocol.http1))
        async with apps.client(mesh.server.inbound) as client:
            assert (await client.get("/1")).status == 200
        mesh.serve(inbound_document(protocol=Protocol.tls))
        async with apps.client(mesh.server.inbound) as client:
            assert (await client.get("/raw")).status == 200
        assert mesh.server.sample("inbound_tcp_authz_allow_total") == 1
        mesh.serve(inbound_document(protocol=Protocol.http2))
        async with apps.client(mesh.server.inbound) as client:
            client.send(b"GET / HTTP/1.1\r\n\r\n")
            # The answer to what is not HTTP/2 on an HTTP/2 port is HTTP/2's: settings and a GOAWAY.
            assert b"\x07" in await client.ended()


@on_uvloop
async def test_detection_that_stalls_is_hinted_at_once_for_each_port(tmp_path: Path) -> None:
    told: list[str] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            told.append(record.getMessage())

    keep = Keep(logging.WARNING)
    logging.getLogger("linkerd_proxy.inbound.detect").addHandler(keep)
    try:
        async with apps.echo_app() as app, sidecar(None, tmp_path, SERVER, inbound_dst=str(Addr(*app))) as proxy:
            proxy.path.policy.on_update(InboundPolicy(inbound_document(detect_timeout_ms=50)))
            for _ in range(2):
                async with apps.client(proxy.inbound) as client:
                    assert await client.ended() == b""
            assert proxy.sample("inbound_tcp_errors_total", 'error="tls detection timeout"') == 2
        (hint,) = told
        assert f"on port {app[1]}" in hint
        assert "config.linkerd.io/opaque-ports" in hint
    finally:
        logging.getLogger("linkerd_proxy.inbound.detect").removeHandler(keep)
