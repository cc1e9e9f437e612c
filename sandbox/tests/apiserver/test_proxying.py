"""The proxy subresource of Services and pods."""

import socket
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from aiohttp import web
from sandbox.tests.apiserver.conftest import Cluster
from sandbox.tests.apiserver.test_aggregation import behind
from sandbox.tests.apiserver.test_kubectl import running

from linkerd_sandbox.apiserver.proxying import split
from linkerd_sandbox.apiserver.status import StatusError


async def echo(request: web.BaseRequest) -> web.Response:
    seen = f"{request.method} {request.raw_path} {request.headers.get('Authorization')} {await request.text()}"
    return web.Response(text=seen, status=201, headers={"X-Own": "yes"})


@pytest.fixture
async def port() -> AsyncIterator[int]:
    runner = web.ServerRunner(web.Server(echo))
    await runner.setup()
    listener = socket.create_server(("127.0.0.1", 0))
    await web.SockSite(runner, listener).start()
    yield listener.getsockname()[1]
    await runner.cleanup()


async def test_a_service(cluster: Cluster, port: int) -> None:
    await behind(cluster, "web", port, 80)
    headers = {"Authorization": f"Bearer {cluster.tokens['admin']}"}
    for name in ("web", "web:80", "web:main", "http:web:80"):
        url = f"{cluster.url}/api/v1/namespaces/default/services/{name}/proxy/a/b%20c?d=e"
        async with cluster.session.put(url, data="body", headers=headers) as response:
            assert (response.status, response.headers["X-Own"]) == (201, "yes")
            assert await response.text() == "PUT /a/b%20c?d=e None body"
    raw = await cluster.kubectl("get", "--raw", "/api/v1/namespaces/default/services/web/proxy/x")
    assert raw.out == "GET /x None "


async def test_a_pod(cluster: Cluster, port: int, pod: Callable[..., dict[str, Any]]) -> None:
    containers = [{"name": "c", "image": "x:1", "ports": [{"name": "http", "containerPort": port}]}]
    await running(cluster, pod(containers=containers))
    path = "/api/v1/namespaces/default/pods/p"
    code, _ = await cluster.api(
        "PATCH", f"{path}/status", {"status": {"podIP": "127.0.0.1"}}, media="application/merge-patch+json"
    )
    assert code == 200
    for name in ("p", f"p:{port}", "p:http"):
        raw = await cluster.kubectl("get", "--raw", f"/api/v1/namespaces/default/pods/{name}/proxy/")
        assert raw.out == "GET / None ", raw.err


async def test_what_is_not_there(cluster: Cluster) -> None:
    code, body = await cluster.api("GET", "/api/v1/namespaces/default/services/none/proxy/")
    assert (code, body["reason"]) == (404, "NotFound")
    await behind(cluster, "web", 1, 80)
    code, body = await cluster.api("GET", "/api/v1/namespaces/default/services/web:81/proxy/")
    assert (code, body["message"]) == (503, 'no service port "81" found for service "web"')
    code, body = await cluster.api("GET", "/api/v1/namespaces/default/services/web/proxy/")
    assert code == 503
    assert body["message"] == "error trying to reach service: dial tcp 127.0.0.1:1: connect: connection refused"


@pytest.mark.parametrize(
    ("name", "parts"),
    [("a", ("http", "a", "")), ("a:80", ("http", "a", "80")), ("https:a:h", ("https", "a", "h"))],
)
def test_names(name: str, parts: tuple[str, str, str]) -> None:
    assert split(name) == parts
    with pytest.raises(StatusError):
        split("ftp:a:1")
