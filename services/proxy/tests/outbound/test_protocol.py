import asyncio
from pathlib import Path

import pytest
from services.proxy.tests import apps
from services.proxy.tests.loop import on_uvloop
from services.proxy.tests.mesh import CLIENT, SERVICE, document, sidecar

from linkerd_contract.outbound import Protocol, ProtocolHint
from linkerd_runtime.settings import Addr


async def _greets(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"220 hello\r\n")
    writer.write(await reader.readline())


@on_uvloop
async def test_silence_becomes_opaque_after_the_detection_timeout(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with apps.server(_greets) as app, sidecar(None, tmp_path, CLIENT) as proxy:
        known = document([Addr(*app)], identity=None, hint=ProtocolHint.none, detect_timeout_ms=100)
        proxy.discovery.set(SERVICE, known)
        async with apps.client(proxy.outbound) as client:
            assert await asyncio.wait_for(client.reader.readline(), 30) == b"220 hello\r\n"
            client.send(b"bye\r\n")
            assert await client.ended() == b"bye\r\n"
        assert proxy.sample("outbound_tcp_detect_http_results_total", 'result="read_timeout"') == 1
        assert proxy.sample("outbound_tcp_protocol_connections_total", 'protocol="detect"') == 1
    assert "mark port 80 as opaque (config.linkerd.io/opaque-ports)" in caplog.text


@on_uvloop
async def test_the_first_read_decides(tmp_path: Path) -> None:
    async with apps.server(_greets) as app, sidecar(None, tmp_path, CLIENT) as proxy:
        proxy.discovery.set(SERVICE, document([Addr(*app)], identity=None, hint=ProtocolHint.none))
        async with apps.client(proxy.outbound) as client:
            client.send(b"EHLO\r\n")
            assert await client.ended() == b"220 hello\r\nEHLO\r\n"
        assert proxy.sample("outbound_tcp_detect_http_results_total", 'result="not_http"') == 1


@on_uvloop
async def test_hints_need_no_byte(tmp_path: Path) -> None:
    async with apps.server(_greets) as app, sidecar(None, tmp_path, CLIENT) as proxy:
        known = document([Addr(*app)], identity=None, hint=ProtocolHint.none, protocol=Protocol.opaque)
        proxy.discovery.set(SERVICE, known)
        async with apps.client(proxy.outbound) as client:
            assert await asyncio.wait_for(client.reader.readline(), 30) == b"220 hello\r\n"
        assert proxy.sample("outbound_tcp_detect_http_results_total") == 0
        assert proxy.sample("outbound_tcp_protocol_connections_total", 'protocol="opaq"') == 1


@on_uvloop
async def test_a_port_hinted_http1_is_not_detected(tmp_path: Path) -> None:
    async with apps.echo_app() as app, sidecar(None, tmp_path, CLIENT) as proxy:
        known = document([Addr(*app)], identity=None, hint=ProtocolHint.none, protocol=Protocol.http1)
        proxy.discovery.set(SERVICE, known)
        async with apps.client(proxy.outbound) as client:
            client.send(b"GET")
            await asyncio.sleep(0.05)
            assert (await client.ask(b" /a HTTP/1.1\r\nHost: h\r\n\r\n")).body == b"GET /a HTTP/1.1|"
