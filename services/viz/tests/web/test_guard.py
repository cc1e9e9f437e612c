"""What a browser could be made to send, and what every answer carries."""

import json

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient
from pytest_aiohttp.plugin import AiohttpClient

from linkerd_runtime.problem import problem_middleware
from linkerd_viz.web import add_dashboard

Client = TestClient[web.Request, web.Application]


async def _document(_request: web.Request) -> web.Response:
    return web.json_response({"rows": ["row"] * 1000})


async def _tap(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"content-type": "application/x-ndjson"})
    await response.prepare(request)
    await response.write(b"{}\n")
    return response


@pytest.fixture
async def client(aiohttp_client: AiohttpClient) -> Client:
    app = web.Application(middlewares=[problem_middleware])
    app.router.add_get("/api/v1/stat", _document)
    app.router.add_post("/api/v1/tap", _tap)
    add_dashboard(app, ["viz.example"])
    return await aiohttp_client(app)


@pytest.mark.parametrize(
    "host",
    ["localhost", "LOCALHOST:50750", "127.0.0.1:50750", "[::1]:50750", "10.1.2.3:1", "viz.example", "Viz.Example:80"],
)
async def test_hosts_that_are_served(client: Client, host: str) -> None:
    assert (await client.get("/", headers={"Host": host})).status == 200


@pytest.mark.parametrize("host", ["evil.example", "evil.example:50750", "localhost.evil.example", "", "a]b", "[::1"])
@pytest.mark.parametrize("path", ["/", "/api/v1/stat", "/assets/app.js"])
async def test_rebinding_gets_nothing(client: Client, host: str, path: str) -> None:
    response = await client.get(path, headers={"Host": host})
    assert response.status == 421
    problem = await response.json(content_type="application/problem+json")
    assert problem["code"] == "bad_host"
    assert repr(host.rpartition(":")[0] or host)[1:5] in problem["detail"] or "''" in problem["detail"]


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
@pytest.mark.parametrize("path", ["/", "/assets/app.js", "/api/v1/stat"])
async def test_read_only(client: Client, method: str, path: str) -> None:
    response = await client.request(method, path)
    assert (response.status, response.headers["Allow"]) == (405, "GET, HEAD")


async def test_tap_is_posted(client: Client) -> None:
    response = await client.put("/api/v1/tap")
    assert (response.status, response.headers["Allow"]) == (405, "POST")
    assert (await client.get("/api/v1/tap")).status == 405
    assert await (await client.post("/api/v1/tap")).text() == "{}\n"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Origin": "http://localhost:50750", "Sec-Fetch-Site": "same-origin"}, 200),
        ({"Origin": "http://localhost:50750", "Sec-Fetch-Site": "none"}, 200),
        ({"Origin": "http://localhost:8080"}, 403),
        ({"Origin": "https://localhost:50750"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://evil.example"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site", "Origin": "http://localhost:50750"}, 403),
    ],
)
async def test_tap_is_for_our_own_page(client: Client, headers: dict[str, str], status: int) -> None:
    response = await client.post("/api/v1/tap", headers={"Host": "localhost:50750", **headers})
    assert response.status == status


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 200),
        ("GET", "/assets/app.js", 200),
        ("GET", "/nothing", 404),
        ("PUT", "/", 405),
        ("GET", "/api/v1/stat", 200),
        ("POST", "/api/v1/tap", 200),
    ],
)
async def test_every_answer_is_secured(client: Client, method: str, path: str, status: int) -> None:
    response = await client.request(method, path)
    assert response.status == status
    policy = dict(part.split(" ", 1) for part in response.headers["Content-Security-Policy"].split("; "))
    assert policy == {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": "'self' data:",
        "connect-src": "'self'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
        "base-uri": "'none'",
    }
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["X-Frame-Options"] == "DENY"
    assert response.headers["Referrer-Policy"] == "no-referrer"
    assert response.headers["Cross-Origin-Resource-Policy"] == "same-origin"
    asset = status == 200 and not path.startswith("/api/")
    assert response.headers["Cache-Control"] == ("no-cache" if asset else "no-store")


async def test_long_documents_are_compressed(client: Client) -> None:
    plain = await client.get("/api/v1/stat", headers={"Accept-Encoding": "identity"})
    assert "Content-Encoding" not in plain.headers
    async with client.get("/api/v1/stat", headers={"Accept-Encoding": "gzip"}) as zipped:
        assert zipped.headers["Content-Encoding"] == "gzip"
        assert json.loads(await zipped.read()) == await plain.json()
