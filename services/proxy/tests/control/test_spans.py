"""Spans as a collector gets them, and what happens when there is none."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
from aiohttp import web

from linkerd_proxy.control.spans import BATCH, MAX_SPANS, SERVER, TRACES_PATH, Span, SpanExporter, document
from linkerd_proxy.settings import Tracing
from linkerd_proxy.telemetry.registry import Counter
from linkerd_runtime import tls
from linkerd_runtime.certify import Credentials
from linkerd_runtime.settings import Addr
from linkerd_testkit.certs import Authority
from linkerd_testkit.ports import eventually, free_port

SPAN = Span("a" * 32, "b" * 16, "c" * 16, "/x", SERVER, 1, 2, {"k": "v", "empty": ""}, False)


class Collector:
    """Keeps what it gets; `status` is what it answers."""

    def __init__(self) -> None:
        self.got: list[dict[str, object]] = []
        self.status = 200
        self.addr = Addr("", 0)

    async def _post(self, request: web.Request) -> web.Response:
        assert request.content_type == "application/json"
        self.got.append(json.loads(await request.read()))
        return web.Response(status=self.status)

    @asynccontextmanager
    async def serve(self, directory: Path | None = None, authority: Authority | None = None) -> AsyncIterator[None]:
        app = web.Application(client_max_size=2**24)
        app.router.add_post(TRACES_PATH, self._post)
        runner = web.AppRunner(app)
        await runner.setup()
        context = None
        if authority is not None and directory is not None:
            chain, key = authority.leaf("collector.id").write(directory)
            context = tls.server_context(str(chain), str(key), authority.anchors)
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
        self.addr = Addr(*runner.addresses[0][:2])
        try:
            yield
        finally:
            await runner.cleanup()


Made = tuple[SpanExporter, Counter, Counter]


def exporter(addr: Addr, name: str | None = None, credentials: Credentials | None = None) -> Made:
    exported, dropped = Counter(), Counter()
    settings = Tracing(addr, name, "web")
    made = SpanExporter(settings, {"service.name": "web"}, exported, dropped, lambda: credentials)
    return made, exported, dropped


def test_the_document_is_otlp() -> None:
    span = {
        "traceId": "a" * 32,
        "spanId": "b" * 16,
        "parentSpanId": "c" * 16,
        "name": "/x",
        "kind": 2,
        "startTimeUnixNano": "1",
        "endTimeUnixNano": "2",
        "attributes": [{"key": "k", "value": {"stringValue": "v"}}],
    }
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": "web"}}]}
    scope = {"scope": {"name": "linkerd-proxy"}, "spans": [span]}
    assert document({"service.name": "web"}, [SPAN]) == {
        "resourceSpans": [{"resource": resource, "scopeSpans": [scope]}]
    }


async def test_spans_are_sent_in_batches_and_bounded() -> None:
    collector = Collector()
    async with collector.serve(), aiohttp.ClientSession() as session:
        spans, exported, dropped = exporter(collector.addr)
        for _ in range(MAX_SPANS + 3):
            spans.put(SPAN)
        await spans.flush(session)
        assert (exported.value, dropped.value) == (MAX_SPANS, 3)
        assert len(collector.got) == MAX_SPANS // BATCH


async def test_what_the_collector_does_not_take_is_dropped_and_later_spans_go_on() -> None:
    collector = Collector()
    nowhere, _, lost = exporter(Addr("127.0.0.1", free_port()))
    async with collector.serve(), aiohttp.ClientSession() as session:
        nowhere.put(SPAN)
        await nowhere.flush(session)
        assert lost.value == 1
        spans, exported, dropped = exporter(collector.addr)
        collector.status = 503
        spans.put(SPAN)
        await spans.flush(session)
        collector.status = 200
        spans.put(SPAN)
        await spans.flush(session)
        assert (exported.value, dropped.value) == (1, 1)


async def test_a_named_collector_must_prove_its_name(tmp_path: Path) -> None:
    authority = Authority()
    chain, key = authority.leaf("web.id").write(tmp_path / "web")
    mine = Credentials("web.id", str(chain), str(key), authority.anchors, 0.0)
    collector = Collector()
    async with collector.serve(tmp_path / "collector", authority), aiohttp.ClientSession() as session:
        for name, credentials, sent in (("collector.id", mine, 1), ("another.id", mine, 0), ("collector.id", None, 0)):
            spans, exported, dropped = exporter(collector.addr, name, credentials)
            spans.put(SPAN)
            await spans.flush(session)
            assert (exported.value, dropped.value) == (sent, 1 - sent)


async def test_it_runs_until_cancelled() -> None:
    collector = Collector()
    async with collector.serve():
        spans, exported, _ = exporter(collector.addr)
        task = asyncio.create_task(spans.run())
        spans.put(SPAN)
        await eventually(lambda: exported.value == 1)
        task.cancel()
        await asyncio.wait((task,))
        assert task.cancelled()
