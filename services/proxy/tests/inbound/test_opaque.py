"""Relays to an application that is not there, and audit; the rest is in test_datapath."""

import logging
from pathlib import Path

import pytest
from services.proxy.tests import apps
from services.proxy.tests.loop import on_uvloop
from services.proxy.tests.mesh import inbound_document, pair

from linkerd_contract.inbound import Authorization
from linkerd_contract.outbound import Protocol, ProtocolHint
from linkerd_testkit.ports import eventually


@on_uvloop
async def test_a_dead_application_closes_the_connection(tmp_path: Path) -> None:
    dead = apps.nobody()
    inbound = inbound_document(protocol=Protocol.opaque)
    async with pair(tmp_path, dead, hint=ProtocolHint.opaque, protocol=Protocol.opaque, inbound=inbound) as mesh:
        async with apps.client(mesh.addr) as client:
            client.send(b"hello")
            try:
                assert await client.ended() == b""
            except ConnectionError:
                pass
        await eventually(lambda: mesh.server.sample("inbound_tcp_errors_total", 'error="i/o"') == 1)
        await eventually(lambda: mesh.server.sample("tcp_open_connections") == 0)
        await eventually(lambda: mesh.client.sample("tcp_open_connections") == 0)


@on_uvloop
async def test_audit_lets_in_and_says_so(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "linkerd_proxy.inbound.opaque")
    inbound = inbound_document(protocol=Protocol.opaque, authorization=Authorization(audit=True))
    async with (
        apps.echo_app() as app,
        pair(tmp_path, app, hint=ProtocolHint.opaque, protocol=Protocol.opaque, inbound=inbound) as mesh,
        apps.client(mesh.addr) as client,
    ):
        assert (await client.get()).status == 200
    assert "audit: would deny a connection from 127.0.0.1:" in caplog.text
