"""Port-forward over WebSocket channels, and its refusals."""

import asyncio
from collections.abc import Callable
from typing import Any

import aiohttp
import pytest

PODS = "/api/v1/namespaces/default/pods"
Cluster = Any


async def _running(cluster: Cluster, body: dict[str, Any]) -> None:
    await cluster.account()
    await cluster.api("POST", PODS, body)
    patch = {"status": {"phase": "Running"}}
    await cluster.api("PATCH", f"{PODS}/p/status", patch, media="application/merge-patch+json")


def _connect(cluster: Cluster, *protocols: str, query: str = "ports=80") -> Any:
    headers = {"Authorization": f"Bearer {cluster.tokens['admin']}"}
    return cluster.session.ws_connect(
        f"{cluster.url}{PODS}/p/portforward?{query}", protocols=protocols, headers=headers
    )


async def _echo(cluster: Cluster, port: int) -> asyncio.Server:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(4096):
            writer.write(data.upper())
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    cluster.node.ports[port] = server.sockets[0].getsockname()[:2]
    return server


async def test_data_goes_both_ways(cluster: Cluster, pod: Callable[..., dict[str, Any]]) -> None:
    await _running(cluster, pod())
    async with await _echo(cluster, 80), _connect(cluster, "v4.channel.k8s.io") as socket:
        assert socket.protocol == "v4.channel.k8s.io"
        assert [await socket.receive_bytes() for _ in range(2)] == [b"\0\x50\0", b"\1\x50\0"]
        await socket.send_bytes(b"\0hello")
        assert await socket.receive_bytes() == b"\0HELLO"


async def test_version_five_can_close_one_direction(cluster: Cluster, pod: Callable[..., dict[str, Any]]) -> None:
    await _running(cluster, pod())
    async with await _echo(cluster, 80), _connect(cluster, "v5.channel.k8s.io") as socket:
        assert [await socket.receive_bytes() for _ in range(2)] == [b"\0\x50\0", b"\1\x50\0"]
        await socket.send_bytes(b"\0bye")
        await socket.send_bytes(b"\xff\0")
        assert await socket.receive_bytes() == b"\0BYE"
        assert await socket.receive_bytes() == b"\xff\0"
        assert (await socket.receive()).type is aiohttp.WSMsgType.CLOSE


async def test_a_port_that_nobody_listens_on(cluster: Cluster, pod: Callable[..., dict[str, Any]]) -> None:
    await _running(cluster, pod())
    async with _connect(cluster, "v4.channel.k8s.io", query="ports=80&ports=81") as socket:
        messages = [await socket.receive_bytes() for _ in range(6)]
    errors = sorted(message for message in messages if message[0] % 2 and len(message) > 3)
    assert b"error forwarding port 80 to pod" in errors[0]
    assert errors[1].endswith(b"nothing listens on 81")


@pytest.mark.parametrize(
    ("protocols", "query"),
    [(("other",), "ports=80"), ((), "ports=80"), (("v4.channel.k8s.io",), ""), (("v4.channel.k8s.io",), "ports=x")],
)
async def test_requests_that_cannot_be_served(
    cluster: Cluster, pod: Callable[..., dict[str, Any]], protocols: tuple[str, ...], query: str
) -> None:
    await _running(cluster, pod())
    with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
        await _connect(cluster, *protocols, query=query)
    assert caught.value.status == 400


async def test_only_running_pods_are_forwarded_to(cluster: Cluster, pod: Callable[..., dict[str, Any]]) -> None:
    await cluster.account()
    await cluster.api("POST", PODS, pod())
    code, refusal = await cluster.api("GET", f"{PODS}/p/portforward?ports=80")
    assert (code, refusal["message"]) == (
        400,
        "unable to forward port because pod is not running. Current status=Pending",
    )
    patch = {"status": {"phase": "Running"}}
    await cluster.api("PATCH", f"{PODS}/p/status", patch, media="application/merge-patch+json")
    code, refusal = await cluster.api("POST", f"{PODS}/p/portforward")
    assert (code, refusal["message"]) == (400, "Upgrade request required")
