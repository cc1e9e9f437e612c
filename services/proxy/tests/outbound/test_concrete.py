import asyncio
from pathlib import Path

import msgspec
from services.proxy.tests import apps
from services.proxy.tests.loop import on_uvloop
from services.proxy.tests.mesh import CLIENT, SERVICE, document, sidecar

from linkerd_contract.outbound import Balancer, OutboundDocument, ProtocolHint
from linkerd_runtime.settings import Addr


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
                return got.status, got.fields.get("l5d-proxy-error", "")

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
            await asyncio.sleep(0.05)
            assert proxy.sample("outbound_http_balancer_queue_length") == 1
            proxy.discovery.set(SERVICE, plain(app))
            assert (await client.answer()).body == b"GET /w HTTP/1.1|"
        assert proxy.sample("outbound_http_balancer_queue_length") == 0


@on_uvloop
async def test_a_full_queue_sheds_load(tmp_path: Path) -> None:
    async with sidecar(None, tmp_path, CLIENT) as proxy:
        proxy.discovery.set(SERVICE, msgspec.structs.replace(plain(), balancer=Balancer(queue_capacity=1)))
        async with apps.client(proxy.outbound) as waiting, apps.client(proxy.outbound) as shed:
            waiting.send(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
            await asyncio.sleep(0.05)
            assert (await shed.get()).status == 503
