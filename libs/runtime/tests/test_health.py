"""The admin server."""

from aiohttp.test_utils import TestClient, TestServer
from prometheus_client import CollectorRegistry, Counter

from linkerd_runtime.health import Readiness, admin_app


def test_readiness_keeps_the_order_of_what_is_lacking() -> None:
    readiness = Readiness("a", "b")
    readiness.lacks("c")
    readiness.lacks("a")
    assert readiness.reasons == ["a", "b", "c"]
    for reason in ("b", "a", "never said", "c"):
        assert not readiness.ready
        readiness.has(reason)
    assert readiness.ready


async def test_pages() -> None:
    registry = CollectorRegistry()
    Counter("things", "Things", registry=registry).inc(3)
    readiness = Readiness("trust bundle", "issuer")
    async with TestClient(TestServer(admin_app(readiness, registry))) as client:
        assert await (await client.get("/live")).text() == "live\n"
        answer = await client.get("/ready")
        assert (answer.status, await answer.text()) == (503, "not ready: trust bundle; issuer\n")
        readiness.has("trust bundle")
        readiness.has("issuer")
        answer = await client.get("/ready")
        assert (answer.status, await answer.text()) == (200, "ready\n")
        answer = await client.get("/metrics")
        assert answer.headers["content-type"].startswith("text/plain; version=")
        page = await answer.text()
        assert "things_total 3.0" in page
        assert "process_resident_memory_bytes " in page
        assert "process_start_time_seconds " in page
        assert "_created" not in page
