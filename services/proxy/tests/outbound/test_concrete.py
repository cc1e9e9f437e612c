import asyncio
import socket
from pathlib import Path

import msgspec
from services.proxy.tests import apps
from services.proxy.tests.loop import on_uvloop
from services.proxy.tests.mesh import CLIENT, SERVER, SERVICE, document, pair, sidecar

from linkerd_contract.explain import ProxyErrorLine
from linkerd_contract.outbound import Balancer, FailureAccrual, OutboundDocument, ProtocolHint
from linkerd_runtime.settings import Addr
from linkerd_testkit.certs import Authority
from linkerd_testkit.ports import eventually


def plain(*apps_addrs: tuple[str, int]) -> OutboundDocument:
    return document([Addr(*addr) for addr in apps_addrs], identity=None, hint=ProtocolHint.none)


@on_uvloop
async def test_requests_go_to_all_endpoints_and_not_to_those_that_left(tmp_path: Path) -> None:
    async with apps.echo_app() as one, apps.echo_app() as two, sidecar(None, tmp_path, CLIENT) as proxy:
        proxy.discovery.set(SERVICE, plain(one, two))

        def count(addr: tuple[str, int]) -> float:
            return proxy.sample("request_total", f'target_port="{addr[1]}"')

        async with apps.client(proxy.outbound) as client:
            for _ in range(60):
                await client.get()
            assert count(one) > 0
            assert count(two) > 0
            proxy.discovery.set(SERVICE, plain(two))
            before = count(one)
            for _ in range(10):
                await client.get()
            assert count(one) == before
        assert proxy.sample("outbound_http_balancer_p2c_endpoints") == 1


@on_uvloop
async def test_no_endpoint_waits_then_504_then_503_until_there_is_one(tmp_path: Path) -> None:
    async with apps.echo_app() as app, sidecar(None, tmp_path, CLIENT) as proxy:
        empty = msgspec.structs.replace(plain(), balancer=Balancer(failfast_ms=200))
        proxy.discovery.set(SERVICE, empty)

        async def ask() -> tuple[int, str]:
            async with apps.client(proxy.outbound) as client:
                got = await client.get()
                return got.status, ProxyErrorLine.parse(got.fields.get("l5d-proxy-error", "")).message

        assert await ask() == (504, "service in fail-fast")
        assert await ask() == (503, "service unavailable")
        proxy.discovery.set(SERVICE, msgspec.structs.replace(plain(app), balancer=empty.balancer))
        assert (await ask())[0] == 200
        assert proxy.sample("outbound_http_errors_total", 'error="failfast"') == 1
        assert proxy.sample("outbound_http_errors_total", 'error="loadshed"') == 1


@on_uvloop
async def test_what_waits_is_sent_when_an_endpoint_comes(tmp_path: Path) -> None:
    async with apps.echo_app() as app, sidecar(None, tmp_path, CLIENT) as proxy:
        proxy.discovery.set(SERVICE, plain())
        async with apps.client(proxy.outbound) as client:
            client.send(b"GET /w HTTP/1.1\r\nHost: h\r\n\r\n")
            await eventually(lambda: proxy.sample("outbound_http_balancer_queue_length") == 1)
            proxy.discovery.set(SERVICE, plain(app))
            assert (await client.answer()).body == b"GET /w HTTP/1.1|"
        assert proxy.sample("outbound_http_balancer_queue_length") == 0


@on_uvloop
async def test_a_full_queue_sheds_load(tmp_path: Path) -> None:
    async with sidecar(None, tmp_path, CLIENT) as proxy:
        proxy.discovery.set(SERVICE, msgspec.structs.replace(plain(), balancer=Balancer(queue_capacity=1)))
        async with apps.client(proxy.outbound) as waiting, apps.client(proxy.outbound) as shed:
            waiting.send(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
            await eventually(lambda: proxy.sample("outbound_http_balancer_queue_length") == 1)
            assert (await shed.get()).status == 503


@on_uvloop
async def test_an_endpoint_that_refuses_costs_no_request_where_there_is_another(tmp_path: Path) -> None:
    dead = apps.nobody()
    async with apps.echo_app() as app, pair(tmp_path, app) as mesh, apps.client(mesh.addr) as client:
        mesh.client.discovery.set(SERVICE, document([Addr(*dead), mesh.server.inbound]))
        for _ in range(20):
            assert (await client.get()).status == 200
        # One is gone, another takes its place: what was connected stays so.
        mesh.client.discovery.set(SERVICE, document([mesh.server.inbound]))
        assert (await client.get()).status == 200
        assert mesh.client.sample("outbound_http_balancer_endpoints", 'endpoint_state="ready"') == 1
        assert mesh.client.sample("tcp_open_total", 'peer="dst"') == 1


@on_uvloop
async def test_endpoints_are_connected_as_requests_come(tmp_path: Path) -> None:
    authority = Authority()
    async with (
        apps.echo_app() as app,
        sidecar(authority, tmp_path / "1", SERVER, inbound_dst=str(Addr(*app))) as one,
        sidecar(authority, tmp_path / "2", SERVER, inbound_dst=str(Addr(*app))) as two,
        sidecar(authority, tmp_path / "3", CLIENT) as proxy,
        apps.client(proxy.outbound) as client,
    ):
        proxy.discovery.set(SERVICE, document([one.inbound, two.inbound]))

        def ready() -> float:
            return proxy.sample("outbound_http_balancer_endpoints", 'endpoint_state="ready"')

        async def both() -> bool:
            assert (await client.get()).status == 200
            return ready() == 2

        assert ready() == 0
        await eventually(both)
        # A connection that its peer closed is made again when it is wanted.
        for side in (one, two):
            side.path._inbound_connections.kill()
        await eventually(lambda: ready() == 0)
        assert (await client.get()).status == 200


@on_uvloop
async def test_many_requests_at_once_wait_for_the_first_connection(tmp_path: Path) -> None:
    async with apps.echo_app() as app, pair(tmp_path, app) as mesh:
        mesh.client.discovery.set(
            SERVICE, msgspec.structs.replace(document([mesh.server.inbound]), balancer=Balancer(queue_capacity=1))
        )

        async def ask() -> int:
            async with apps.client(mesh.addr) as client:
                return (await client.get()).status

        assert await asyncio.gather(*[ask() for _ in range(30)]) == [200] * 30


@on_uvloop
async def test_an_endpoint_that_leaves_while_it_is_connected_to_holds_nobody_up(tmp_path: Path) -> None:
    with socket.socket() as full:
        # Nobody accepts, and the queue is full: connecting takes until the timeout.
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        blackhole = Addr(*full.getsockname())
        async with apps.echo_app() as app, pair(tmp_path, app, OUTBOUND_CONNECT_TIMEOUT="60s") as mesh:
            filling = [socket.socket() for _ in range(4)]
            for one in filling:
                one.setblocking(False)
                one.connect_ex(full.getsockname())
            mesh.client.discovery.set(SERVICE, document([blackhole]))
            async with apps.client(mesh.addr) as client:
                client.send(b"GET /w HTTP/1.1\r\nHost: h\r\n\r\n")
                await eventually(lambda: mesh.client.sample("outbound_http_balancer_queue_length") == 1)
                mesh.client.discovery.set(SERVICE, document([mesh.server.inbound]))
                assert (await client.answer()).status == 200
            for one in filling:
                one.close()


@on_uvloop
async def test_those_that_answer_nobody_are_tried_beside_the_others(tmp_path: Path) -> None:
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        filling = [socket.socket() for _ in range(4)]
        for one in filling:
            one.setblocking(False)
            one.connect_ex(full.getsockname())
        async with apps.echo_app() as app, pair(tmp_path, app, OUTBOUND_CONNECT_TIMEOUT="60s") as mesh:
            # Of five endpoints one answers, and the request must not wait for a timeout of the others.
            silent = [Addr(f"127.0.0.{n}", full.getsockname()[1]) for n in range(1, 5)]
            mesh.client.discovery.set(SERVICE, document([*silent, mesh.server.inbound]))
            async with apps.client(mesh.addr) as client:
                assert (await client.get()).status == 200
        for one in filling:
            one.close()


@on_uvloop
async def test_an_endpoint_that_fails_again_and_again_is_left_alone_and_probed(tmp_path: Path) -> None:
    status, asked = 503, 0

    async def app(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal asked
        while True:
            await apps.read_head(reader)
            asked += 1
            writer.write(b"HTTP/1.1 %d X\r\ncontent-length: 0\r\n\r\n" % status)

    async with apps.server(app) as addr, sidecar(None, tmp_path, CLIENT) as proxy:
        accrual = FailureAccrual(max_failures=3, min_penalty_ms=2000, max_penalty_ms=2000, jitter_ratio=0)
        known = msgspec.structs.replace(plain(addr), failure_accrual=accrual, balancer=Balancer(failfast_ms=100))
        proxy.discovery.set(SERVICE, known)

        async def ask() -> int:
            async with apps.client(proxy.outbound) as client:
                return (await client.get()).status

        assert [await ask() for _ in range(3)] == [503, 503, 503]
        # Its breaker is shut: what comes waits, as long as failfast allows, then fails at once.
        assert [await ask() for _ in range(2)] == [504, 503]
        assert asked == 3
        status = 200

        async def recovered() -> bool:
            return await ask() == 200

        await eventually(recovered)
        assert asked == 4
