"""The whole proxy as processes against a control plane: certificates, discovery, readiness, drain, exit codes."""

import asyncio
import re
import signal
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from services.proxy.tests import apps
from services.proxy.tests.mesh import SERVICE, document, inbound_document
from services.proxy.tests.running import START_SECONDS, sidecar

from linkerd_contract.explain import IDENTITY_PATH
from linkerd_contract.names import identity_name
from linkerd_contract.outbound import ProtocolHint
from linkerd_contract.tap import TAP_PATH
from linkerd_proxy.control.spans import TRACES_PATH
from linkerd_runtime import tls
from linkerd_runtime.settings import Addr
from linkerd_testkit.control_plane import DESTINATION_NAME, IDENTITY_NAME, FakeControlPlane
from linkerd_testkit.ports import eventually, free_port


async def test_a_pair_of_processes_carries_a_request_and_drains(tmp_path: Path) -> None:
    async with (
        FakeControlPlane() as control_plane,
        apps.echo_app() as app,
        sidecar(control_plane, tmp_path, "voting", app) as server,
        sidecar(control_plane, tmp_path, "web", app) as client,
    ):
        await eventually(server.ready, seconds=START_SECONDS)
        await eventually(client.ready, seconds=START_SECONDS)
        await control_plane.watch.set_inbound(inbound_document())
        await control_plane.watch.set_outbound(SERVICE, document([Addr(*server.inbound)]))
        async with apps.client(client.outbound) as connection:
            answer = await connection.get("/hello")
            assert answer.body == b"GET /hello HTTP/1.1|"
            assert answer.fields["x-l5d-client-id"] == "web.emojivoto.serviceaccount.identity.linkerd.cluster.local"
            _, text = await client.get("/metrics")
            assert re.search(r'response_total\{direction="outbound",.*dst_service="voting-svc".*\} 1', text)
            assert text.endswith("# EOF\n")
            for name in (IDENTITY_NAME, DESTINATION_NAME):
                assert await client.sample("control_response_total", f'server_id="{name}"', "success") == 1
            status, chain = await client.get(IDENTITY_PATH)
            assert status == 200
            assert chain == (tmp_path / "web" / "chain.pem").read_text()
            assert chain.startswith("-----BEGIN CERTIFICATE-----\n")
            # The control plane goes away: traffic goes on.
            await control_plane.watch.drop_connections()
            assert (await connection.get("/still")).status == 200
            for proxy in (client, server):
                proxy.process.send(signal.SIGTERM)
            assert await connection.ended() == b""
        assert await client.process.wait() == 0
        assert await server.process.wait() == 0


async def test_not_ready_and_not_listening_before_the_first_certificate(tmp_path: Path) -> None:
    async with FakeControlPlane() as control_plane, apps.echo_app() as app:
        nowhere = f"127.0.0.1:{free_port()}"
        async with sidecar(control_plane, tmp_path, "web", app, IDENTITY_SVC_ADDR=nowhere) as proxy:
            await proxy.process.says("cannot certify", seconds=START_SECONDS)
            assert await proxy.get("/ready") == (503, "not ready\n")
            assert (await proxy.get("/live"))[0] == 200
            assert (await proxy.get(IDENTITY_PATH))[0] == 503
            try:
                await asyncio.open_connection(*proxy.outbound)
            except ConnectionRefusedError:
                pass
            else:
                raise AssertionError("the proxy listens without a certificate")
            proxy.process.send(signal.SIGTERM)
            assert await proxy.process.wait() == 0


async def test_an_address_in_use_is_exit_1_with_a_reason(tmp_path: Path) -> None:
    async with FakeControlPlane() as control_plane, apps.echo_app() as app:
        taken = f"127.0.0.1:{app[1]}"
        async with sidecar(control_plane, tmp_path, "web", app, ADMIN_LISTEN_ADDR=taken) as proxy:
            assert await proxy.process.wait(seconds=START_SECONDS) == 1
            assert "address already in use" in proxy.process.output.lower()


async def test_tap_listens_where_its_client_is_named(tmp_path: Path) -> None:
    async with FakeControlPlane() as control_plane, apps.echo_app() as app:
        port = free_port()
        tap = {"CONTROL_LISTEN_ADDR": f"127.0.0.1:{port}", "TAP_SVC_NAME": "tap.linkerd-viz.serviceaccount.id"}
        async with sidecar(control_plane, tmp_path, "web", app, **tap) as proxy:
            await eventually(proxy.ready, seconds=START_SECONDS)
            context = tls.client_context(control_plane.authority.anchors)
            name = identity_name("web", "emojivoto")
            async with (
                aiohttp.ClientSession() as session,
                session.post(f"https://127.0.0.1:{port}{TAP_PATH}", ssl=context, server_hostname=name) as answer,
            ):
                assert answer.status == 403
                assert "only tap.linkerd-viz" in await answer.text()
        del tap["TAP_SVC_NAME"]
        async with sidecar(control_plane, tmp_path, "web", app, **tap) as proxy:
            await eventually(proxy.ready, seconds=START_SECONDS)
            with pytest.raises(ConnectionRefusedError):
                await asyncio.open_connection("127.0.0.1", port)


async def test_the_access_log_is_on_standard_error(tmp_path: Path) -> None:
    async with (
        FakeControlPlane() as control_plane,
        apps.echo_app() as app,
        sidecar(control_plane, tmp_path, "voting", app, ACCESS_LOG="apache") as server,
    ):
        await eventually(server.ready, seconds=START_SECONDS)
        await control_plane.watch.set_inbound(inbound_document())
        async with apps.client(server.inbound) as connection:
            assert (await connection.get("/logged")).status == 200
        await server.process.says('"GET http://voting-svc/logged HTTP/1.1" 200')


async def test_spans_go_to_the_collector(tmp_path: Path) -> None:
    got: list[bytes] = []

    async def collect(request: web.Request) -> web.Response:
        got.append(await request.read())
        return web.Response()

    collector = web.Application()
    collector.router.add_post(TRACES_PATH, collect)
    async with (
        FakeControlPlane() as control_plane,
        apps.echo_app() as app,
        TestServer(collector) as at,
        sidecar(control_plane, tmp_path, "voting", app, TRACE_COLLECTOR_SVC_ADDR=f"localhost:{at.port}") as server,
    ):
        await eventually(server.ready, seconds=START_SECONDS)
        await control_plane.watch.set_inbound(inbound_document())
        trace = "0af7651916cd43dd8448eb211c80319c"
        async with apps.client(server.inbound) as connection:
            assert (await connection.get("/t", traceparent=f"00-{trace}-b7ad6b7169203331-01")).status == 200
        await eventually(lambda: got)
        assert trace.encode() in got[0]
        assert b'"k8s.pod.name"' in got[0]


def test_hints_of_the_contract_are_those_that_the_proxy_knows() -> None:
    assert {hint.name for hint in ProtocolHint} == {"none", "h2", "opaque", "unknown"}
