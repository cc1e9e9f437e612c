"""Names of the control plane are counted when they are resolved, and addresses are not."""

import socket

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from linkerd_proxy.control.resolver import CountedResolver
from linkerd_proxy.telemetry.metrics import Metrics


async def get(metrics: Metrics, url: str) -> int:
    connector = aiohttp.TCPConnector(resolver=CountedResolver(metrics.dns_resolutions, "destination"))
    async with aiohttp.ClientSession(connector=connector) as session, session.get(url) as answer:
        return answer.status


def counted(metrics: Metrics) -> list[str]:
    lines = metrics.registry.render().decode().splitlines()
    return [line for line in lines if line.startswith("control_dns_resolutions_total{")]


async def test_resolutions_are_counted_by_result() -> None:
    metrics = Metrics()
    async with TestServer(web.Application()) as server:
        assert await get(metrics, f"http://127.0.0.1:{server.port}/") == 404
        assert counted(metrics) == []
        assert await get(metrics, f"http://localhost:{server.port}/") == 404
    with pytest.raises(aiohttp.ClientConnectorError):
        await get(metrics, "http://name.invalid/")
    ok, failed = counted(metrics)
    assert ok == 'control_dns_resolutions_total{client="destination",record_type="A/AAAA",result="ok"} 1'
    # A machine without any name server cannot know that the name is not there.
    assert failed.startswith('control_dns_resolutions_total{client="destination",record_type="A/AAAA",result="')
    assert 'result="ok"' not in failed


@pytest.mark.parametrize(("code", "result"), [(socket.EAI_NONAME, "not_found"), (socket.EAI_AGAIN, "error")])
async def test_what_failed(code: int, result: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_arguments: object, **_named: object) -> None:
        raise socket.gaierror(code, "no")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    metrics = Metrics()
    with pytest.raises(OSError, match="no"):
        await CountedResolver(metrics.dns_resolutions, "identity").resolve("a.name", 80)
    (line,) = counted(metrics)
    assert line.endswith(f'client="identity",record_type="A/AAAA",result="{result}"}} 1')
