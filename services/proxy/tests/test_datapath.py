"""Two sidecars on loopback: what an application sends arrives, and how it arrives."""

import asyncio
from pathlib import Path

import pytest
from services.proxy.tests import apps
from services.proxy.tests.loop import on_uvloop
from services.proxy.tests.mesh import (
    CLIENT,
    PATIENT_MS,
    SERVER,
    SERVICE,
    credentials,
    document,
    impatient,
    inbound_document,
    pair,
    sidecar,
)

from linkerd_contract.explain import ProxyErrorLine
from linkerd_contract.inbound import AuthnKind, Authorization
from linkerd_contract.outbound import Protocol, ProtocolHint
from linkerd_contract.resource import ResourceRef
from linkerd_runtime.settings import Addr
from linkerd_testkit.certs import Authority
from linkerd_testkit.ports import eventually

Seen = list[tuple[str, dict[str, str], bytes]]


@on_uvloop
async def test_http1_is_carried_over_one_mtls_connection_and_restored(tmp_path: Path) -> None:
    seen: Seen = []
    async with apps.echo_app(seen) as app, pair(tmp_path, app) as mesh:
        async with apps.client(mesh.addr) as one, apps.client(mesh.addr) as two:
            first = await one.get("/a?b=c", x_test="1", l5d_client_id="spoofed")
            second = await two.ask(b"POST /p HTTP/1.1\r\nHost: v\r\nContent-Length: 4\r\n\r\nbody")
        assert first.status == 200
        assert first.body == b"GET /a?b=c HTTP/1.1|"
        assert second.body == b"POST /p HTTP/1.1|body"
        line, fields, _ = seen[0]
        assert line == "GET /a?b=c HTTP/1.1"
        assert fields["host"] == "voting-svc"
        assert fields["x-test"] == "1"
        assert fields["l5d-client-id"] == CLIENT
        assert "l5d-orig-proto" not in fields
        assert "l5d-orig-proto" not in first.fields
        assert mesh.server.sample("tcp_open_total", 'peer="src"', 'tls="true"') == 1


@on_uvloop
async def test_metrics_have_linkerds_names_and_labels(tmp_path: Path) -> None:
    async with apps.echo_app() as app, pair(tmp_path, app) as mesh:
        async with apps.client(mesh.addr) as client:
            await client.get()
            await client.get()
        out = ('direction="outbound"', f'server_id="{SERVER}"', 'dst_service="voting-svc"', 'tls="true"')
        assert mesh.client.sample("request_total", *out) == 2
        ok = ('status_code="200"', 'classification="success"')
        assert mesh.client.sample("response_total", *out, *ok) == 2
        assert mesh.client.sample("response_latency_ms_count", 'direction="outbound"', 'status_code="200"') == 2
        into = ('direction="inbound"', f'client_id="{CLIENT}"', 'srv_name="test-server"', 'route_name="default"')
        assert mesh.server.sample("response_total", *into, *ok, 'authz_name="all-unauthenticated"') == 2
        assert mesh.server.sample("inbound_http_authz_allow_total") == 2
        await eventually(lambda: mesh.client.sample("tcp_open_connections", 'peer="src"') == 0)
        assert mesh.client.sample("tcp_read_bytes_total", 'peer="dst"') > 0


@pytest.mark.parametrize("hint", [ProtocolHint.h2, ProtocolHint.none])
@on_uvloop
async def test_bodies_of_every_framing_go_both_ways(tmp_path: Path, hint: ProtocolHint) -> None:
    big = bytes(range(256)) * 2000
    async with apps.echo_app() as app, pair(tmp_path, app, hint=hint) as mesh, apps.client(mesh.addr) as client:
        chunked = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (b"abc", b"defgh"))
        head = b"POST /c HTTP/1.1\r\nHost: v\r\nTransfer-Encoding: chunked\r\n\r\n"
        answer = await client.ask(head + chunked + b"0\r\nx-t: 1\r\n\r\n")
        assert answer.body == b"POST /c HTTP/1.1|abcdefgh"
        answer = await client.ask(b"PUT /l HTTP/1.1\r\nHost: v\r\nContent-Length: %d\r\n\r\n" % len(big) + big)
        assert answer.body == b"PUT /l HTTP/1.1|" + big
        answer = await client.ask(b"HEAD /h HTTP/1.1\r\nHost: v\r\n\r\n", head=True)
        assert answer.fields["content-length"] == str(len(b"HEAD /h HTTP/1.1|"))
        assert (await client.get("/after")).body == b"GET /after HTTP/1.1|"


@on_uvloop
async def test_pipelined_requests_are_answered_in_order(tmp_path: Path) -> None:
    async with apps.echo_app() as app, pair(tmp_path, app) as mesh, apps.client(mesh.addr) as client:
        client.send(b"".join(b"GET /%d HTTP/1.1\r\nHost: v\r\n\r\n" % n for n in range(20)))
        for n in range(20):
            assert (await client.answer()).body == b"GET /%d HTTP/1.1|" % n


@on_uvloop
async def test_http10_and_absolute_form_keep_their_shape(tmp_path: Path) -> None:
    seen: Seen = []
    async with apps.echo_app(seen) as app, pair(tmp_path, app) as mesh:
        async with apps.client(mesh.addr) as client:
            answer = await client.ask(b"GET /old HTTP/1.0\r\n\r\n")
            assert answer.line == "HTTP/1.0 200 OK"
            assert answer.body == b"GET /old HTTP/1.0|"
            assert await client.ended() == b""
        async with apps.client(mesh.addr) as client:
            await client.ask(b"GET http://other:81/x HTTP/1.1\r\nHost: ignored\r\n\r\n")
        assert seen[1][0] == "GET http://other:81/x HTTP/1.1"
        assert seen[1][1]["host"] == "other:81"


@on_uvloop
async def test_unmeshed_endpoints_get_plain_http1(tmp_path: Path) -> None:
    seen: Seen = []
    async with apps.echo_app(seen) as app, sidecar(None, tmp_path, CLIENT) as client_proxy:
        client_proxy.discovery.set(SERVICE, document([Addr(*app)], identity=None, hint=ProtocolHint.none))
        async with apps.client(client_proxy.outbound) as client:
            for _ in range(3):
                answer = await client.get("/plain", connection="x-drop", x_drop="1")
                assert answer.body == b"GET /plain HTTP/1.1|"
        assert "l5d-orig-proto" not in seen[0][1]
        assert "x-drop" not in seen[0][1]
        assert client_proxy.sample("tcp_open_total", 'peer="dst"') == 1
        assert client_proxy.sample("request_total", 'no_tls_reason="not_provided_by_service_discovery"') == 3


@on_uvloop
async def test_a_refused_connection_is_502(tmp_path: Path) -> None:
    app = apps.nobody()
    async with pair(tmp_path, app) as mesh, apps.client(mesh.addr) as client:
        answer = await client.get()
        assert answer.status == 502
        # The peer's own words: the id leads to its trace (docs/decisions/0010).
        told = ProxyErrorLine.parse(answer.fields["l5d-proxy-error"])
        assert (told.code, told.phase, told.peer) == ("i/o", "connect", CLIENT)
        assert mesh.server.runtime.decisions.get(told.id) is not None
        assert mesh.server.sample("inbound_http_errors_total", 'error="i/o"') == 1
        assert mesh.client.sample("outbound_http_errors_total") == 0


@on_uvloop
async def test_applications_are_told_nothing_where_they_shall_not_be(tmp_path: Path) -> None:
    app = apps.nobody()
    async with (
        pair(tmp_path, app, OUTBOUND_DISABLE_INFORMATIONAL_HEADERS="1") as mesh,
        apps.client(mesh.addr) as client,
    ):
        answer = await client.get()
        assert answer.status == 502
        assert "l5d-proxy-error" not in answer.fields
        assert mesh.server.sample("response_total", 'status_code="502"', 'error="i/o"') == 1


@on_uvloop
async def test_an_endpoint_that_needs_http2_and_refuses_is_failfast(tmp_path: Path) -> None:
    app = apps.nobody()
    async with sidecar(None, tmp_path, CLIENT) as proxy:
        proxy.discovery.set(SERVICE, impatient(document([Addr(*app)], identity=None, hint=ProtocolHint.h2)))
        async with apps.client(proxy.outbound) as client:
            answer = await client.get()
        assert answer.status == 504
        assert answer.fields["l5d-proxy-error"].startswith("service in fail-fast: connect to 127.0.0.1:")
        assert "refused" in answer.fields["l5d-proxy-error"]
        assert proxy.sample("outbound_http_errors_total", 'error="failfast"') == 1


@on_uvloop
async def test_policy_answers_403_and_follows_changes_on_live_connections(tmp_path: Path) -> None:
    only_other = Authorization(
        resource=ResourceRef(name="other"), authn=AuthnKind.tls_authenticated, identities=["other.id"]
    )
    async with apps.echo_app() as app, pair(tmp_path, app) as mesh, apps.client(mesh.addr) as client:
        assert (await client.get()).status == 200
        mesh.serve(inbound_document(authorization=only_other))
        denied = await client.get()
        assert denied.status == 403
        mesh.serve(inbound_document())
        assert (await client.get()).status == 200
        assert mesh.server.sample("inbound_http_authz_deny_total") == 1


@on_uvloop
async def test_unmeshed_clients_are_judged_and_told_nothing(tmp_path: Path) -> None:
    meshed_only = Authorization(authn=AuthnKind.tls_authenticated, identities=["*"])
    seen: Seen = []
    async with (
        apps.echo_app(seen) as app,
        pair(tmp_path, app, inbound=inbound_document(authorization=meshed_only)) as mesh,
    ):
        async with apps.client(mesh.server.inbound) as stranger:
            answer = await stranger.get(l5d_client_id=CLIENT)
            assert answer.status == 403
            assert "l5d-proxy-error" not in answer.fields
        async with apps.client(mesh.addr) as friend:
            assert (await friend.get()).status == 200
        mesh.serve(inbound_document())
        async with apps.client(mesh.server.inbound) as stranger:
            assert (await stranger.get(l5d_client_id=CLIENT)).status == 200
        assert "l5d-client-id" not in seen[-1][1]


@on_uvloop
async def test_opaque_bytes_half_close_through_mtls(tmp_path: Path) -> None:
    async def app(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        data = await reader.read()
        writer.write(b"got %d" % len(data))
        writer.write_eof()

    inbound = inbound_document(protocol=Protocol.opaque)
    async with (
        apps.server(app) as addr,
        pair(tmp_path, addr, hint=ProtocolHint.opaque, protocol=Protocol.opaque, inbound=inbound) as mesh,
        apps.client(mesh.addr) as client,
    ):
        client.send(b"x" * 1_000_000)
        client.writer.write_eof()
        assert await client.ended() == b"got 1000000"
        assert mesh.client.sample("tcp_write_bytes_total", 'peer="dst"') == 1_000_000
        assert mesh.server.sample("tcp_open_total", 'tls="true"', f'client_id="{CLIENT}"') == 1
        await eventually(lambda: mesh.client.sample("tcp_open_connections") == 0)
        await eventually(lambda: mesh.server.sample("tcp_open_connections") == 0)


@on_uvloop
async def test_a_server_that_speaks_first_is_heard(tmp_path: Path) -> None:
    async def app(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 hello\r\n")
        writer.write(await reader.readline())

    inbound = inbound_document(protocol=Protocol.opaque)
    async with (
        apps.server(app) as addr,
        pair(tmp_path, addr, hint=ProtocolHint.opaque, protocol=Protocol.opaque, inbound=inbound) as mesh,
        apps.client(mesh.addr) as client,
    ):
        assert await asyncio.wait_for(client.reader.readline(), 30) == b"220 hello\r\n"
        client.send(b"bye\r\n")
        assert await client.ended() == b"bye\r\n"


@on_uvloop
async def test_opaque_connections_are_closed_by_policy(tmp_path: Path) -> None:
    async def app(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.read(100))
        await reader.read()

    nobody = inbound_document(protocol=Protocol.opaque, authorization=Authorization(authn=AuthnKind.unknown))
    everybody = inbound_document(protocol=Protocol.opaque)
    kind = {"hint": ProtocolHint.opaque, "protocol": Protocol.opaque}
    async with apps.server(app) as addr, pair(tmp_path, addr, inbound=everybody, **kind) as mesh:  # type: ignore[arg-type]
        async with apps.client(mesh.addr) as client:
            client.send(b"hello")
            assert await asyncio.wait_for(client.reader.read(100), 30) == b"hello"
            mesh.serve(nobody)
            with pytest.raises(ConnectionError):
                await client.ended()
        async with apps.client(mesh.addr) as client:
            client.send(b"hello")
            try:
                assert await client.ended() == b""
            except ConnectionError:
                pass
        assert mesh.server.sample("inbound_tcp_authz_terminate_total") == 1
        assert mesh.server.sample("inbound_tcp_authz_deny_total") == 1


@on_uvloop
async def test_websocket_upgrade_becomes_a_duplex_of_bytes(tmp_path: Path) -> None:
    async def app(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        _, fields = await apps.read_head(reader)
        assert fields["upgrade"] == "websocket"
        assert fields["connection"].lower() == "upgrade"
        writer.write(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nfirst")
        while data := await reader.read(100):
            writer.write(b"<" + data + b">")

    async with apps.server(app) as addr, pair(tmp_path, addr) as mesh, apps.client(mesh.addr) as client:
        client.send(b"GET /ws HTTP/1.1\r\nHost: v\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
        line, fields = await apps.read_head(client.reader)
        assert line.startswith("HTTP/1.1 101")
        assert fields["upgrade"] == "websocket"
        assert await client.reader.readexactly(5) == b"first"
        client.send(b"abc")
        assert await client.reader.readexactly(5) == b"<abc>"
        client.writer.write_eof()
        assert await client.ended() == b""


@on_uvloop
async def test_bad_bytes_on_every_port_do_no_harm(tmp_path: Path) -> None:
    junk = [b"\0" * 64, b"GET / HTTP/1.1\r\n bad: folded\r\n\r\n", b"\x16\x03\x01\x00\x05hello" + b"x" * 99]
    junk += [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\xff" * 64, b"GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n"]
    async with apps.echo_app() as app, pair(tmp_path, app) as mesh:
        for target in (mesh.addr, mesh.server.inbound):
            for data in junk:
                async with apps.client(target) as client:
                    client.send(data)
                    client.writer.write_eof()
                    try:
                        await client.ended()
                    except ConnectionError:
                        pass
        async with apps.client(mesh.addr) as client:
            assert (await client.get()).status == 200
        for side, direction in ((mesh.client, "outbound"), (mesh.server, "inbound")):
            assert side.sample(f"{direction}_http_errors_total", 'error="bad request"') == 2


@on_uvloop
async def test_drain_finishes_the_response_and_closes(tmp_path: Path) -> None:
    release = asyncio.Event()

    async def app(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await apps.read_head(reader)
        await release.wait()
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
        await reader.read()

    async with apps.server(app) as addr, pair(tmp_path, addr) as mesh, apps.client(mesh.addr) as client:
        client.send(b"GET / HTTP/1.1\r\nHost: v\r\n\r\n")
        await eventually(lambda: mesh.server.sample("request_total") == 1)
        drains = [asyncio.create_task(side.path.drain(5)) for side in (mesh.client, mesh.server)]
        await asyncio.sleep(0)
        release.set()
        answer = await client.answer()
        assert answer.body == b"ok"
        assert answer.fields["connection"] == "close"
        assert await client.ended() == b""
        await asyncio.wait_for(asyncio.gather(*drains), 30)


@on_uvloop
async def test_new_outbound_connections_are_served_while_draining(tmp_path: Path) -> None:
    release = asyncio.Event()

    async def app(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            line, _ = await apps.read_head(reader)
            if "slow" in line:
                await release.wait()
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")

    async with apps.server(app) as addr, pair(tmp_path, addr) as mesh, apps.client(mesh.addr) as slow:
        slow.send(b"GET /slow HTTP/1.1\r\nHost: v\r\n\r\n")
        await eventually(lambda: mesh.server.sample("request_total") == 1)
        drain = asyncio.create_task(mesh.client.path.drain(20))
        await asyncio.sleep(0)
        # The application is finishing too, and may need others for that.
        for _ in range(2):
            async with apps.client(mesh.addr) as late:
                answer = await late.get("/late")
                assert (answer.status, answer.fields["connection"]) == (200, "close")
                assert await late.ended() == b""
        assert not drain.done()
        release.set()
        assert (await slow.answer()).body == b"ok"
        await asyncio.wait_for(drain, 30)


@on_uvloop
async def test_certificates_are_swapped_under_a_stream(tmp_path: Path) -> None:
    async def app(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await apps.read_head(reader)
        writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
        while data := await reader.readline():
            writer.write(b"%x\r\n%b\r\n" % (len(data), data))

    async with apps.server(app) as addr, pair(tmp_path, addr) as mesh, apps.client(mesh.addr) as client:
        client.send(b"POST /s HTTP/1.1\r\nHost: v\r\nContent-Length: 8\r\n\r\none\n")
        await apps.read_head(client.reader)
        assert await asyncio.wait_for(client.reader.readexactly(len(b"4\r\none\n\r\n")), 30) == b"4\r\none\n\r\n"
        # Another anchor altogether: what is established goes on, and what is new is verified by it.
        renewed = Authority()
        for side, identity in ((mesh.client, CLIENT), (mesh.server, SERVER)):
            side.runtime.tls.update(credentials(renewed, tmp_path / "renewed" / identity, identity))
        client.send(b"two\n")
        assert await asyncio.wait_for(client.reader.readexactly(len(b"4\r\ntwo\n\r\n")), 30) == b"4\r\ntwo\n\r\n"
        assert mesh.client.sample("tcp_close_total", 'peer="dst"') == 0


@pytest.mark.parametrize(("request_head", "status"), [(b"GET / HTTP/1.1\r\nHost: v\r\n", 200), (b"PUT", 502)])
@on_uvloop
async def test_a_closed_pooled_connection_is_replaced_where_the_head_is_all(
    tmp_path: Path, request_head: bytes, status: int
) -> None:
    bodies: list[bytes] = []

    async def once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # The second request on a connection finds it closed.
        for answer in (True, False):
            _, fields = await apps.read_head(reader)
            bodies.append(await apps.read_body(reader, fields) if "content-length" in fields else b"")
            if answer:
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")

    put = b"PUT / HTTP/1.1\r\nHost: v\r\nContent-Length: 4\r\n\r\nbody"
    async with (
        apps.server(once) as app,
        sidecar(None, tmp_path, CLIENT) as proxy,
        apps.client(proxy.outbound) as client,
    ):
        proxy.discovery.set(SERVICE, document([Addr(*app)], identity=None, hint=ProtocolHint.none))
        assert (await client.get()).status == 200
        got = await client.ask(put if request_head == b"PUT" else request_head + b"\r\n")
        assert got.status == status
        assert bodies == ([b"", b"body"] if status == 502 else [b"", b"", b""])


@on_uvloop
async def test_before_discovery_has_spoken_the_environment_says_which_ports_are_opaque_and_need_an_identity(
    tmp_path: Path,
) -> None:
    async def app(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 first")
        await reader.read()

    async with apps.server(app) as addr:
        port = str(addr[1])
        patient = {"INBOUND_DETECT_TIMEOUT": f"{PATIENT_MS}ms"}
        for variable in ("INBOUND_PORTS_DISABLE_PROTOCOL_DETECTION", "INBOUND_PORTS_REQUIRE_IDENTITY"):
            async with (
                sidecar(None, tmp_path, SERVER, inbound_dst=str(Addr(*addr)), **{variable: port}, **patient) as proxy,
                apps.client(proxy.inbound) as client,
            ):
                if variable.endswith("DETECTION"):
                    # It is not asked for a word first: the server's greeting does not wait for the end of detection.
                    assert await asyncio.wait_for(client.reader.readexactly(9), 30) == b"220 first"
                else:
                    client.send(b"GET / HTTP/1.1\r\nHost: v\r\n\r\n")
                    assert (await client.answer()).status == 403
