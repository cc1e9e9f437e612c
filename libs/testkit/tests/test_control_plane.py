"""The fake control plane certifies and serves discovery, in process and as a program."""

import asyncio
import json
import os
import signal
import sys
from pathlib import Path

import aiohttp
import pytest

from linkerd_contract import codec
from linkerd_contract.identity import CertifyRequest, CertifyResponse
from linkerd_contract.names import identity_name
from linkerd_contract.outbound import OutboundDocument
from linkerd_contract.problem import Problem
from linkerd_contract.watch import Hello, ServerMessage, Watch, WatchKind
from linkerd_runtime import tls
from linkerd_testkit.certs import certificate_request
from linkerd_testkit.control_plane import DESTINATION_NAME, IDENTITY_NAME, FakeControlPlane
from linkerd_testkit.processes import running

WEB = identity_name("web", "emojivoto")


async def certify(control_plane: FakeControlPlane, token: str) -> tuple[int, bytes]:
    _, csr = certificate_request(WEB)
    context = tls.client_context(control_plane.authority.anchors)
    url = f"https://{control_plane.identity_addr}/v1/certify"
    async with (
        aiohttp.ClientSession() as session,
        session.post(
            url,
            data=codec.encode(CertifyRequest(WEB, csr, token)),
            ssl=context,
            server_hostname=IDENTITY_NAME,
        ) as response,
    ):
        return response.status, await response.read()


async def test_certify() -> None:
    async with FakeControlPlane(tokens={WEB: "good"}) as control_plane:
        status, body = await certify(control_plane, "good")
        assert status == 200
        assert codec.decode(body, CertifyResponse).trust_bundle == control_plane.authority.anchors
        status, body = await certify(control_plane, "bad")
        assert (status, codec.decode(body, Problem).code) == (403, "invalid_token")
        control_plane.refusal = Problem("No", 503, "issuer_not_ready")
        status, body = await certify(control_plane, "good")
        assert (status, codec.decode(body, Problem).code) == (503, "issuer_not_ready")
        assert control_plane.certified == [WEB]


async def test_destination_wants_a_mesh_certificate(tmp_path: Path) -> None:
    async with FakeControlPlane() as control_plane:
        url = f"wss://{control_plane.destination_addr}/v1/watch"
        anchors = control_plane.authority.anchors
        async with aiohttp.ClientSession() as session:
            # In TLS 1.3 the refusal comes with the first read.
            strange = tls.client_context(anchors)
            with pytest.raises(aiohttp.ClientError):
                await session.ws_connect(url, ssl=strange, server_hostname=DESTINATION_NAME)
            chain, key = control_plane.authority.leaf(WEB).write(tmp_path)
            await control_plane.watch.set_outbound("10.0.0.1:80", OutboundDocument("web:80"))
            context = tls.client_context(anchors, str(chain), str(key))
            async with session.ws_connect(url, ssl=context, server_hostname=DESTINATION_NAME) as ws:
                await ws.send_str(codec.encode(Hello("emojivoto/web-0")).decode())
                await ws.send_str(codec.encode(Watch(1, WatchKind.outbound, "10.0.0.1:80")).decode())
                message = codec.decode((await ws.receive(timeout=30)).data, ServerMessage)
                assert json.loads(bytes(message.set)) == {"authority": "web:80"}


async def test_as_a_program(tmp_path: Path) -> None:
    config = tmp_path / "config.json"
    config.write_text(json.dumps({"directory": str(tmp_path), "outbound": {"10.0.0.1:80": {"authority": "web:80"}}}))
    async with running(sys.executable, "-m", "linkerd_testkit.control_plane", str(config)) as process:
        ready = json.loads((await process.says("\n", seconds=30)).splitlines()[0])
        assert Path(ready["anchors"]).read_text().startswith("-----BEGIN CERTIFICATE-----")
        host, _, port = ready["destinationAddr"].rpartition(":")
        _, writer = await asyncio.open_connection(host, int(port))
        writer.close()
        await writer.wait_closed()
        process.send(signal.SIGTERM)
        assert await process.wait(seconds=30) == 0


async def test_a_bad_configuration_is_named(tmp_path: Path) -> None:
    config = tmp_path / "config.json"
    config.write_text('{"directory": "x", "outbuond": {}}')
    async with running(sys.executable, "-m", "linkerd_testkit.control_plane", str(config)) as process:
        assert await process.wait(seconds=30) == os.EX_USAGE
        assert "outbuond" in process.output
