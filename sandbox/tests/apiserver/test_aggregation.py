"""An aggregated API: a server of this test behind an APIService, which trusts the front proxy's certificate only."""

import asyncio
import base64
import json
import socket
import ssl
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from sandbox.tests.apiserver.conftest import Cluster

from linkerd_sandbox.apiserver.aggregation import identity_headers
from linkerd_sandbox.apiserver.certificates import Authority
from linkerd_sandbox.apiserver.identity import User

GROUP = "tap.example.io"
LISTED = {
    "kind": "APIResourceList",
    "apiVersion": "v1",
    "groupVersion": f"{GROUP}/v1",
    "resources": [{"name": "watches", "singularName": "watch", "namespaced": True, "kind": "Watch", "verbs": ["get"]}],
}


async def answer(request: web.BaseRequest) -> web.StreamResponse:
    if request.path == f"/apis/{GROUP}/v1":
        return web.json_response(LISTED)
    if request.path.endswith("/stream"):
        response = web.StreamResponse()
        await response.prepare(request)
        for number in range(3):
            await response.write(f"{number}\n".encode())
        return response
    certificate = request.transport.get_extra_info("peercert") if request.transport else {}
    subject = dict(pair[0] for pair in certificate["subject"])
    seen = {
        "client": subject["commonName"],
        "user": request.headers["X-Remote-User"],
        "groups": request.headers.getall("X-Remote-Group"),
        "authorization": request.headers.get("Authorization"),
        "body": (await request.read()).decode(),
        "path": request.raw_path,
    }
    return web.json_response(seen)


@pytest.fixture
async def aggregated(cluster: Cluster, tmp_path: Path) -> AsyncIterator[Cluster]:
    _, config = await cluster.api("GET", "/api/v1/namespaces/kube-system/configmaps/extension-apiserver-authentication")
    authority = Authority("tap-ca")
    certificate, key = tmp_path / "tap.crt", tmp_path / "tap.key"
    authority.issue("tap", ["tap.default.svc"], certificate, key)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cadata=config["data"]["requestheader-client-ca-file"])
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_cert_chain(certificate, key)
    listener = socket.create_server(("127.0.0.1", 0))
    runner = web.ServerRunner(web.Server(answer))
    await runner.setup()
    await web.SockSite(runner, listener, ssl_context=context).start()
    await behind(cluster, "tap", listener.getsockname()[1])
    spec = {
        "group": GROUP,
        "version": "v1",
        "groupPriorityMinimum": 1000,
        "versionPriority": 10,
        "service": {"name": "tap", "namespace": "default"},
        "caBundle": base64.b64encode(authority.pem.encode()).decode(),
    }
    code, body = await cluster.api(
        "POST", "/apis/apiregistration.k8s.io/v1/apiservices", {"metadata": {"name": f"v1.{GROUP}"}, "spec": spec}
    )
    assert code == 201, body
    yield cluster
    await runner.cleanup()


async def behind(cluster: Cluster, name: str, port: int, service_port: int = 443) -> None:
    """A Service with one endpoint on this machine, stored as a controller would have it."""
    service = {"metadata": {"name": name}, "spec": {"ports": [{"port": service_port, "name": "main"}]}}
    code, body = await cluster.api("POST", "/api/v1/namespaces/default/services", service)
    assert code == 201, body
    part = {
        "metadata": {"name": f"{name}-1", "labels": {"kubernetes.io/service-name": name}},
        "addressType": "IPv4",
        "endpoints": [{"addresses": ["127.0.0.1"], "conditions": {"ready": True}}],
        "ports": [{"name": "main", "port": port}],
    }
    code, body = await cluster.api("POST", "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices", part)
    assert code == 201, body


async def condition(cluster: Cluster, state: str) -> dict[str, Any]:
    deadline = time.monotonic() + 30
    while True:
        _, body = await cluster.api("GET", f"/apis/apiregistration.k8s.io/v1/apiservices/v1.{GROUP}")
        found = (body.get("status", {}).get("conditions") or [{}])[0]
        if found.get("status") == state:
            return dict(found)
        assert time.monotonic() < deadline, body
        await asyncio.sleep(0.05)


async def test_requests_are_passed_on_with_who_asks(aggregated: Cluster) -> None:
    path = f"/apis/{GROUP}/v1/namespaces/default/watches/a%20b?x=1"
    code, seen = await aggregated.api("POST", path, {"hello": 1})
    assert code == 200, seen
    assert (seen["client"], seen["user"]) == ("front-proxy-client", "kubernetes-admin")
    assert seen["groups"] == ["system:masters", "system:authenticated"]
    assert seen["authorization"] is None
    assert json.loads(seen["body"]) == {"hello": 1}
    assert seen["path"] == path
    async with aggregated.session.get(
        f"{aggregated.url}/apis/{GROUP}/v1/stream", headers={"Authorization": f"Bearer {aggregated.tokens['admin']}"}
    ) as response:
        assert await response.text() == "0\n1\n2\n"


async def test_nobody_gets_there_without_a_rule(aggregated: Cluster) -> None:
    code, body = await aggregated.api("GET", f"/apis/{GROUP}/v1/namespaces/default/watches/x", token="")
    assert (code, body["reason"]) == (403, "Forbidden")


async def test_discovery_shows_it(aggregated: Cluster) -> None:
    shown = await aggregated.kubectl("api-resources", f"--api-group={GROUP}", "--no-headers")
    assert shown.out.split() == ["watches", f"{GROUP}/v1", "true", "Watch"]
    _, listed = await aggregated.api("GET", "/apis")
    assert GROUP in [group["name"] for group in listed["groups"]]
    code, _ = await aggregated.api("GET", f"/apis/{GROUP}")
    assert code == 200


async def test_availability_is_a_condition(aggregated: Cluster) -> None:
    assert (await condition(aggregated, "True"))["reason"] == "Passed"
    await aggregated.api("DELETE", "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices/tap-1")
    assert (await condition(aggregated, "False"))["reason"] == "MissingEndpoints"
    code, body = await aggregated.api("GET", f"/apis/{GROUP}/v1/namespaces/default/watches/x")
    assert (code, body["reason"]) == (503, "ServiceUnavailable")


def test_extras_are_headers() -> None:
    user = User("u", ("g",), "1", {"a/b": ["x", "y"]})
    assert identity_headers(user)[2:] == [
        ("X-Remote-Uid", "1"),
        ("X-Remote-Extra-a%2Fb", "x"),
        ("X-Remote-Extra-a%2Fb", "y"),
    ]
