"""What is kept of requests to an endpoint: how they ended, and what that says of it."""

import asyncio
from pathlib import Path

import msgspec
import pytest
from services.proxy.tests import apps
from services.proxy.tests.http.recording import exchange
from services.proxy.tests.loop import on_uvloop
from services.proxy.tests.mesh import CLIENT, SERVICE, document, sidecar

from linkerd_contract.outbound import Balancer, ProtocolHint
from linkerd_proxy.codec.headers import Headers
from linkerd_proxy.http.exchange import GRPC
from linkerd_proxy.outbound.observer import penalty_of
from linkerd_runtime.settings import Addr


@on_uvloop
async def test_responses_are_classified(tmp_path: Path) -> None:
    statuses = iter([b"200", b"404", b"500", b"503"])

    async def app(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await apps.read_head(reader)
            writer.write(b"HTTP/1.1 %b X\r\ncontent-length: 0\r\n\r\n" % next(statuses))

    async with apps.server(app) as addr, sidecar(None, tmp_path, CLIENT) as proxy:
        proxy.discovery.set(SERVICE, document([Addr(*addr)], identity=None, hint=ProtocolHint.none))
        async with apps.client(proxy.outbound) as client:
            for _ in range(4):
                await client.get()
        assert proxy.sample("response_total", 'classification="success"') == 2
        assert proxy.sample("response_total", 'classification="failure"') == 2
        assert proxy.sample("response_latency_ms_count", 'status_code="404"') == 1


@pytest.mark.parametrize(
    ("status", "grpc_status", "head", "penalty"),
    [
        (b"200", None, [], None),
        (b"404", None, [], None),
        (b"429", None, [], 5000),
        (b"503", None, [(b"retry-after", b"20")], 20_000),
        (b"500", None, [(b"retry-after", b"Fri, 31 Dec 1999 23:59:59 GMT")], 5000),
        (b"503", None, [(b"retry-after", b"999999")], 300_000),
        (b"200", b"14", [(b"grpc-retry-pushback-ms", b"6000")], 6000),
        (b"200", b"14", [(b"grpc-retry-pushback-ms", b"-1")], 5000),
        (b"200", b"7", [], None),
        (b"200", b"0", [], None),
    ],
)
@on_uvloop
async def test_penalties(status: bytes, grpc_status: bytes | None, head: Headers, penalty: float | None) -> None:
    x = exchange()
    x.status, x.grpc_status = status, grpc_status
    x.flags |= GRPC if grpc_status is not None else 0
    assert penalty_of(x, head) == penalty


@on_uvloop
async def test_failures_are_penalized_where_it_is_asked_for(tmp_path: Path) -> None:
    """A fast failure attracts traffic, unless it counts as a slow response."""

    async def fails(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await apps.read_head(reader)
            writer.write(b"HTTP/1.1 503 X\r\ncontent-length: 0\r\n\r\n")

    async with apps.server(fails) as bad, apps.echo_app() as good, sidecar(None, tmp_path, CLIENT) as proxy:
        known = document([Addr(*bad), Addr(*good)], identity=None, hint=ProtocolHint.none)
        proxy.discovery.set(SERVICE, msgspec.structs.replace(known, balancer=Balancer(penalize_failures=True)))
        async with apps.client(proxy.outbound) as client:
            statuses = [(await client.get()).status for _ in range(40)]
        assert statuses.count(503) <= 1
