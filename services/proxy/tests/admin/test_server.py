"""The admin server: Linkerd's routes and codes."""

import gzip
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer, make_mocked_request

from linkerd_contract import codec
from linkerd_contract.explain import DECISIONS_PATH, IDENTITY_PATH, DecisionTrace
from linkerd_proxy.admin import Admin, admin_app
from linkerd_proxy.admin.loglevel import LogLevel
from linkerd_proxy.admin.server import Routes, accepts
from linkerd_proxy.telemetry import Registry
from linkerd_proxy.telemetry.decisions import Decisions
from linkerd_testkit.ports import eventually

ENV = {"LINKERD2_PROXY_LOG": "warn", "LINKERD2_PROXY_CORES": "1", "PASSWORD": "secret"}


@dataclass
class State:
    ready: bool = True
    shutdowns: list[bool] = field(default_factory=list)
    chain: bytes | None = None
    decisions: Decisions = field(default_factory=lambda: Decisions("0af7651c", lambda: 0.0))


@pytest.fixture(autouse=True)
def fixture_restore() -> Iterator[None]:
    level = logging.getLogger().level
    yield
    logging.getLogger().setLevel(level)


def admin(state: State, shutdown: Callable[[], None] | None = None) -> Admin:
    registry = Registry()
    registry.counter("a_total", "A.").labels().value = 3
    return Admin(registry, lambda: state.ready, ENV, LogLevel("warn"), lambda: state.chain, state.decisions, shutdown)


def client_of(described: Admin) -> TestClient[web.Request, web.Application]:
    return TestClient(TestServer(admin_app(described)))


async def test_health() -> None:
    state = State()
    async with client_of(admin(state)) as client:
        for path, status, text in (("/live", 200, "live\n"), ("/ready", 200, "ready\n"), ("/nothing", 404, None)):
            response = await client.get(path)
            assert response.status == status
            if text is not None:
                assert await response.text() == text
        state.ready = False
        response = await client.get("/ready")
        assert (response.status, await response.text()) == (503, "not ready\n")


async def test_metrics() -> None:
    async with client_of(admin(State())) as client:
        response = await client.get("/metrics", headers={"accept-encoding": "identity"})
        plain = await response.read()
        assert b"a_total 3\n" in plain
        assert plain.endswith(b"# EOF\n")
        assert response.headers["content-type"].startswith("text/plain; version=0.0.4")
    async with TestClient(TestServer(admin_app(admin(State()))), auto_decompress=False) as client:
        response = await client.get("/metrics", headers={"accept-encoding": "gzip;q=1.0, *;q=0.5"})
        assert response.headers["content-encoding"] == "gzip"
        assert gzip.decompress(await response.read()) == plain


async def test_certificate() -> None:
    state = State()
    async with client_of(admin(state)) as client:
        response = await client.get(IDENTITY_PATH)
        assert response.status == 503
        assert "no certificate" in await response.text()
        state.chain = b"-----BEGIN CERTIFICATE-----\n"
        response = await client.get(IDENTITY_PATH)
        assert (response.status, await response.read()) == (200, state.chain)


async def test_decisions() -> None:
    state = State()
    first = state.decisions.record(DecisionTrace(id="", time="", direction="inbound", code="unauthorized"))
    second = state.decisions.record(DecisionTrace(id="", time="", direction="outbound", code="failfast"))
    async with client_of(admin(state)) as client:
        response = await client.get(DECISIONS_PATH)
        assert [trace["id"] for trace in await response.json()] == [second, first]
        response = await client.get(f"{DECISIONS_PATH}/{first}")
        assert response.content_type == "application/json"
        assert codec.decode(await response.read(), DecisionTrace).code == "unauthorized"
        for unknown in ("0af7651c-0003", "00000000-0001", "x", "%2F"):
            assert (await client.get(f"{DECISIONS_PATH}/{unknown}")).status == 404


async def test_environment() -> None:
    async with client_of(admin(State())) as client:
        assert await (await client.get("/env.json")).json() == {
            "LINKERD2_PROXY_CORES": "1",
            "LINKERD2_PROXY_LOG": "warn",
        }
        response = await client.get("/env.json?LINKERD2_PROXY_LOG&PASSWORD")
        assert await response.json() == {"LINKERD2_PROXY_LOG": "warn", "PASSWORD": None}
        assert (await client.get("/env.json?LINKERD2_PROXY_LOG=x")).status == 400
        assert (await client.get("/env.json", headers={"accept": "text/html"})).status == 406
        assert (await client.get("/env.json", headers={"accept": "text/html, application/*;q=0.1"})).status == 200


async def test_log_level() -> None:
    async with client_of(admin(State())) as client:
        assert await (await client.get("/proxy-log-level")).text() == "warn\n"
        assert (await client.put("/proxy-log-level", data=b"info")).status == 204
        assert await (await client.get("/proxy-log-level")).text() == "info\n"
        assert (await client.put("/proxy-log-level", data=b"loud")).status == 400
        assert (await client.put("/proxy-log-level", data=b"\xff")).status == 400
        assert (await client.post("/proxy-log-level")).status == 405
        assert logging.getLogger().level == logging.INFO


async def test_shutdown() -> None:
    state = State()
    async with client_of(admin(state, lambda: state.shutdowns.append(True))) as client:
        assert (await client.get("/shutdown")).status == 405
        assert (await client.post("/shutdown")).status == 200
        await eventually(lambda: state.shutdowns == [True])
    async with client_of(admin(state)) as client:
        assert (await client.post("/shutdown")).status == 404


@pytest.mark.parametrize(
    ("peer", "allowed"),
    [("127.0.0.1", True), ("::1", True), ("::ffff:127.0.0.1", True), ("10.42.0.7", False), ("", False)],
)
async def test_changes_are_for_loopback_only(peer: str, allowed: bool) -> None:
    request = make_mocked_request("GET", "/proxy-log-level").clone(remote=peer)
    routes = Routes(admin(State()))
    for handler in (routes.get_log_level, routes.decisions):
        if allowed:
            assert (await handler(request)).status == 200
        else:
            with pytest.raises(web.HTTPForbidden):
                await handler(request)
    # Without a filter it is a bad request, but for strangers.
    with pytest.raises(web.HTTPBadRequest if allowed else web.HTTPForbidden):
        await routes.logs(request)


@pytest.mark.parametrize(
    ("header", "wanted", "taken"),
    [
        ("gzip", "gzip", True),
        ("", "gzip", False),
        ("br, *", "gzip", True),
        ("gzip;q=0", "gzip", False),
        ("gzip;q=0.0, *", "gzip", False),
        ("GZIP ; q=0.5", "gzip", True),
        ("*/*", "application/json", True),
        ("application/json;q=0, */*", "application/json", False),
    ],
)
def test_accepts(header: str, wanted: str, taken: bool) -> None:
    assert accepts(header, wanted) is taken
