"""The newer families through real sidecars: plain routes, routes with features, and what reached no endpoint."""

import asyncio
from pathlib import Path

import msgspec
import pytest
from services.proxy.tests import apps
from services.proxy.tests.loop import on_uvloop
from services.proxy.tests.mesh import CLIENT, SERVICE, document, pair, sidecar

from linkerd_contract.matching import StatusRange
from linkerd_contract.outbound import Balancer, OutboundDocument, ProtocolHint, Retry, Timeouts
from linkerd_contract.resource import ResourceRef
from linkerd_runtime.settings import Addr
from linkerd_testkit.ports import eventually

ROUTE = ('route_kind="HTTPRoute"', 'route_name="r"')


def known(*apps_: tuple[str, int], **route: object) -> object:
    doc = document([Addr(*app) for app in apps_], identity=None, hint=ProtocolHint.none)
    resource = ResourceRef("gateway.networking.k8s.io", "HTTPRoute", "emojivoto", "r")
    routes = [msgspec.structs.replace(doc.routes[0], resource=resource, **route)]
    return msgspec.structs.replace(doc, routes=routes, parent=ResourceRef("core", "Service", "emojivoto", "voting", 80))


@on_uvloop
async def test_plain_routes_count_once_everywhere(tmp_path: Path) -> None:
    async with apps.echo_app() as app, sidecar(None, tmp_path, CLIENT) as proxy:
        proxy.discovery.set(SERVICE, known(app))  # type: ignore[arg-type]
        async with apps.client(proxy.outbound) as client:
            await client.get()
            await client.ask(b"POST /p HTTP/1.1\r\nHost: v\r\nContent-Length: 4\r\n\r\nbody")
        parent = 'parent_name="voting"'
        assert proxy.sample("request_total", 'direction="outbound"') == 2
        assert proxy.sample("outbound_http_route_request_statuses_total", *ROUTE, parent, 'http_status="200"') == 2
        assert proxy.sample("outbound_http_route_backend_requests_total", *ROUTE, parent) == 2
        assert proxy.sample("outbound_http_route_backend_response_statuses_total", *ROUTE, 'http_status="200"') == 2
        assert proxy.sample("outbound_http_route_request_duration_seconds_count", *ROUTE) == 2
        assert proxy.sample("outbound_http_route_backend_response_duration_seconds_count", *ROUTE) == 2


@on_uvloop
async def test_retries_count_with_the_backend_and_once_with_the_route(tmp_path: Path) -> None:
    answers = iter([b"503", b"200", b"503", b"503"])

    async def app(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await apps.read_head(reader)
            writer.write(b"HTTP/1.1 %b X\r\ncontent-length: 0\r\n\r\n" % next(answers))

    async with apps.server(app) as addr, sidecar(None, tmp_path, CLIENT) as proxy:
        retry = Retry(statuses=[StatusRange(500, 599)], limit=1)
        proxy.discovery.set(SERVICE, known(addr, retry=retry))  # type: ignore[arg-type]
        async with apps.client(proxy.outbound) as client:
            assert (await client.get()).status == 200
            assert (await client.get()).status == 503
        assert proxy.sample("outbound_http_route_backend_requests_total", *ROUTE) == 4
        assert proxy.sample("outbound_http_route_request_statuses_total", *ROUTE) == 2
        assert proxy.sample("outbound_http_route_retry_requests_total", *ROUTE) == 2
        assert proxy.sample("outbound_http_route_retry_successes_total", *ROUTE) == 1
        assert proxy.sample("outbound_http_route_retry_limit_exceeded_total", *ROUTE) == 1


@on_uvloop
async def test_a_profile_that_comes_or_goes_makes_no_route_count_twice_or_not_at_all(tmp_path: Path) -> None:
    """The endpoint stays, with its connections: who counts its requests for the route is another from then on."""
    async with apps.echo_app() as app, sidecar(None, tmp_path, CLIENT) as proxy:
        plain: OutboundDocument = known(app)  # type: ignore[assignment]
        async with apps.client(proxy.outbound) as client:
            for sent, profile in enumerate(("", "voting.emojivoto.svc.cluster.local", "", "other"), start=1):
                proxy.discovery.set(SERVICE, msgspec.structs.replace(plain, profile=profile or None))
                assert (await client.get()).status == 200
                assert proxy.sample("outbound_http_route_backend_response_statuses_total", *ROUTE) == sent
                assert proxy.sample("outbound_http_route_request_statuses_total", *ROUTE) == sent


@on_uvloop
async def test_what_reaches_no_endpoint_is_counted_with_its_route(tmp_path: Path) -> None:
    async with sidecar(None, tmp_path, CLIENT) as proxy, apps.client(proxy.outbound) as client:
        empty = msgspec.structs.replace(known(), balancer=Balancer(failfast_ms=100))  # type: ignore[type-var]
        proxy.discovery.set(SERVICE, empty)  # type: ignore[arg-type]
        assert (await client.get()).status == 504
        assert proxy.sample("outbound_http_route_request_statuses_total", *ROUTE, 'error="FAIL_FAST"') == 1
        assert proxy.sample("outbound_http_route_backend_requests_total") == 0
        assert proxy.sample("request_total") == 0
        assert proxy.sample("outbound_http_balancer_queue_gate_timeout_seconds") == 0.1
        assert proxy.sample("outbound_http_balancer_queue_gate_shut_time_seconds") > 1e9


@on_uvloop
async def test_a_timeout_is_named(tmp_path: Path) -> None:
    async def app(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async with apps.server(app) as addr, sidecar(None, tmp_path, CLIENT) as proxy:
        proxy.discovery.set(SERVICE, known(addr, timeouts=Timeouts(request_ms=50)))  # type: ignore[arg-type]
        async with apps.client(proxy.outbound) as client:
            assert (await client.get()).status == 504
        assert proxy.sample("outbound_http_route_request_statuses_total", *ROUTE, 'error="REQUEST_TIMEOUT"') == 1


PUT = b"PUT /p HTTP/1.1\r\nHost: %b\r\nContent-Length: 4\r\n\r\nbody"


@on_uvloop
async def test_frames_of_bodies_are_measured(tmp_path: Path) -> None:
    async with apps.echo_app() as app, pair(tmp_path, app) as mesh, apps.client(mesh.addr) as client:
        answer = await client.ask(PUT % b"v")
        sides = (
            (mesh.client, "outbound_http_route_request", "outbound_http_route_backend_response"),
            (mesh.server, "inbound_http_request", "inbound_http_response"),
        )
        for side, request, response in sides:
            assert side.sample(f"{request}_frame_size_bytes_sum") == 4
            assert side.sample(f"{request}_frame_size_bytes_count") == 1
            assert side.sample(f"{response}_frame_size_bytes_sum") == len(answer.body)
        await client.get()
        assert mesh.server.sample("inbound_http_request_frame_size_bytes_count") == 1
        assert mesh.server.sample("inbound_http_response_frame_size_bytes_bucket", 'le="128"') == 2


@on_uvloop
async def test_a_body_that_is_sent_again_is_one_body_of_the_route(tmp_path: Path) -> None:
    answers = iter([b"503", b"200"])

    async def app(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            _, fields = await apps.read_head(reader)
            await apps.read_body(reader, fields)
            writer.write(b"HTTP/1.1 %b X\r\ncontent-length: 2\r\n\r\nok" % next(answers))

    async with apps.server(app) as addr, sidecar(None, tmp_path, CLIENT) as proxy:
        retry = Retry(statuses=[StatusRange(500, 599)], limit=1)
        proxy.discovery.set(SERVICE, known(addr, retry=retry))  # type: ignore[arg-type]
        async with apps.client(proxy.outbound) as client:
            assert (await client.ask(PUT % b"v")).status == 200
        assert proxy.sample("outbound_http_route_request_frame_size_bytes_sum", *ROUTE) == 4
        assert proxy.sample("outbound_http_route_backend_response_frame_size_bytes_sum", *ROUTE) == 4


@pytest.mark.parametrize("timeouts", [Timeouts(), Timeouts(request_ms=5000)], ids=["plain", "with features"])
@pytest.mark.parametrize("wanted", ["true", "false"])
@on_uvloop
async def test_hostnames_are_a_label_where_they_are_wanted(tmp_path: Path, timeouts: Timeouts, wanted: str) -> None:
    variables = {"OUTBOUND_METRICS_HOSTNAME_LABELS": wanted}
    async with apps.echo_app() as app, sidecar(None, tmp_path, CLIENT, **variables) as proxy:
        proxy.discovery.set(SERVICE, known(app, timeouts=timeouts))  # type: ignore[arg-type]
        async with apps.client(proxy.outbound) as client:
            for host in (b"Voting:80", b"voting", b"web.emojivoto", b"10.0.0.1"):
                assert (await client.ask(PUT % host)).status == 200
        empty = msgspec.structs.replace(
            known(timeouts=timeouts),  # type: ignore[type-var]
            balancer=Balancer(failfast_ms=100),
        )
        proxy.discovery.set(SERVICE, empty)  # type: ignore[arg-type]
        async with apps.client(proxy.outbound) as client:
            assert (await client.get()).status == 504
        statuses = "outbound_http_route_request_statuses_total"
        on = wanted == "true"
        assert proxy.sample(statuses, *ROUTE, 'hostname="voting"', 'http_status="200"') == (2 if on else 0)
        assert proxy.sample(statuses, *ROUTE, 'hostname="web.emojivoto"') == (1 if on else 0)
        assert proxy.sample(statuses, *ROUTE, 'hostname="voting-svc"', 'error="FAIL_FAST"') == (1 if on else 0)
        assert proxy.sample(statuses, *ROUTE) == 5
        assert "10.0.0.1" not in "".join(line for line in proxy.metrics().splitlines() if statuses in line)
        assert proxy.sample("outbound_http_route_request_frame_size_bytes_count", *ROUTE) == 4


@on_uvloop
async def test_inbound(tmp_path: Path) -> None:
    async with apps.echo_app() as app, pair(tmp_path, app) as mesh, apps.client(mesh.addr) as client:
        await client.get()
        await client.ask(b"POST /p HTTP/1.1\r\nHost: v\r\nContent-Length: 4\r\n\r\nbody")
        server = ('parent_name="test-server"', 'route_name="default"')
        assert mesh.server.sample("inbound_http_requests_total", *server) == 2
        assert mesh.server.sample("inbound_http_statuses_total", *server, 'http_status="200"') == 2
        assert mesh.server.sample("inbound_http_response_duration_seconds_count", *server) == 2
        assert mesh.server.sample("inbound_http_request_duration_seconds_count", *server) == 2


@on_uvloop
async def test_connections_that_are_not_http(tmp_path: Path) -> None:
    async def app(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.read(100))

    async with apps.server(app) as addr, sidecar(None, tmp_path, CLIENT) as proxy:
        proxy.discovery.set(SERVICE, known(addr))  # type: ignore[arg-type]
        async with apps.client(proxy.outbound) as client:
            client.send(b"\0" * 20)
            assert await client.ended() == b"\0" * 20
        assert proxy.sample("outbound_tcp_route_open_total", *ROUTE) == 1
        await eventually(lambda: proxy.sample("outbound_tcp_route_close_total", *ROUTE) == 1)
