"""Probes against real listeners, and what a row of results means."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from linkerd_kube.objects import JsonObject
from linkerd_sandbox.kubelet import probes
from linkerd_sandbox.kubelet.probes import Result, Tally, Timing


@pytest.mark.parametrize(
    ("thresholds", "results", "expected"),
    [
        ((1, 3), [True], [True]),
        ((1, 3), [False, False, False, True], [None, None, False, True]),
        ((2, 1), [True, True, False, True], [None, True, False, None]),
        ((1, 3), [False, False, True, False, False, False], [None, None, True, None, None, False]),
    ],
)
def test_tally(thresholds: tuple[int, int], results: list[bool], expected: list[bool | None]) -> None:
    tally = Tally(*thresholds)
    assert [tally.add(ok) for ok in results] == expected


def test_timing_defaults() -> None:
    assert Timing.of({}) == Timing(0, 10, 1, 1, 3)
    assert Timing.of({"initialDelaySeconds": 2, "periodSeconds": 1, "failureThreshold": 120}).failure_threshold == 120


def test_ports_by_name() -> None:
    container = {"name": "c", "ports": [{"name": "http", "containerPort": 8080}]}
    assert probes.port_number("http", container) == 8080
    assert probes.port_number(81, container) == 81
    assert probes.port_number("82", container) == 82
    with pytest.raises(ValueError, match='"grpc" is not a port'):
        probes.port_number("grpc", container)


@asynccontextmanager
async def server(answer: bytes | None) -> AsyncIterator[tuple[int, list[bytes]]]:
    """Answers every request with these bytes; None: never."""
    heads: list[bytes] = []
    done = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            heads.append(await reader.readuntil(b"\r\n\r\n"))
            if answer is not None:
                writer.write(answer)
            else:
                await reader.read()
        except asyncio.IncompleteReadError:
            pass  # a TCP probe says nothing
        finally:
            writer.close()
            await writer.wait_closed()
            done.set()

    listener = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield listener.sockets[0].getsockname()[1], heads
    finally:
        await asyncio.wait_for(done.wait(), 30)
        listener.close()
        await listener.wait_closed()


async def no_exec(argv: list[str], timeout: float) -> Result:
    return Result(argv == ["true"], "said so")


async def attempt(probe: JsonObject, timeout: float = 30) -> Result:
    return await probes.run(probe, {"name": "c"}, "127.0.0.1", no_exec, timeout)


@pytest.mark.parametrize(
    ("answer", "ok", "message"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\n", True, ""),
        (b"HTTP/1.1 302 Found\r\n\r\n", True, ""),
        (b"HTTP/1.1 503 No\r\n\r\nnot ready: x", False, "HTTP probe failed with statuscode: 503: not ready: x"),
        (b"nonsense\r\n\r\n", False, "malformed HTTP response"),
        (b"", False, "malformed HTTP response"),
    ],
)
async def test_http(answer: bytes, ok: bool, message: str) -> None:
    async with server(answer) as (port, heads):
        result = await attempt(
            {"httpGet": {"port": port, "path": "ready", "httpHeaders": [{"name": "X", "value": "y"}]}}
        )
        assert result.ok is ok
        assert message in result.message
        assert heads[0].startswith(b"GET /ready HTTP/1.1\r\n")
        assert b"X: y\r\n" in heads[0]


async def test_silence_is_a_time_out() -> None:
    async with server(None) as (port, _):
        result = await attempt({"httpGet": {"port": port}}, 0.1)
        assert "context deadline exceeded" in result.message


async def test_tcp() -> None:
    async with server(b"") as (port, heads):
        assert (await attempt({"tcpSocket": {"port": port}})).ok
        del heads
    refused = await attempt({"tcpSocket": {"port": port}})
    assert refused.message.endswith("connect: connection refused")


@pytest.mark.parametrize(
    ("probe", "ok"),
    [
        ({"exec": {"command": ["true"]}}, True),
        ({"exec": {"command": ["false"]}}, False),
        ({"exec": {"command": []}}, False),
    ],
)
async def test_others(probe: JsonObject, ok: bool) -> None:
    assert (await attempt(probe)).ok is ok
