"""Scraping over real sockets."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from prometheus_client import CollectorRegistry

from linkerd_runtime.process import serve
from linkerd_viz import scraper as module
from linkerd_viz.families import Want
from linkerd_viz.inventory import Container, Meta, Pod, PodSpec, PodStatus, Port
from linkerd_viz.scraper import Scraper
from linkerd_viz.settings import from_env
from linkerd_viz.store import Store

PAGE = 'response_total{direction="inbound"} 1\ntcp_open_connections{direction="inbound",peer="src"} 2\nother{x="y"} 2\n'


@asynccontextmanager
async def _proxy(page: str, status: int = 200, hang: asyncio.Event | None = None) -> AsyncIterator[int]:
    async def metrics(_request: web.Request) -> web.Response:
        if hang is not None:
            await hang.wait()
        return web.Response(text=page, status=status)

    app = web.Application()
    app.router.add_get("/metrics", metrics)
    runner = await serve(app, "127.0.0.1", 0)
    try:
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


def _pod(name: str, port: int) -> Pod:
    proxy = Container("linkerd-proxy", [Port(port, "linkerd-admin")])
    return Pod(Meta(name=name, namespace="x"), PodSpec([proxy]), PodStatus("Running", "127.0.0.1"))


async def _round(pods: list[Pod], store: Store, **settings: str) -> None:
    scraper = Scraper(store, lambda: pods, from_env(settings), CollectorRegistry(), lambda: 1.0)
    async with scraper.session() as session:
        await scraper.round(session)


async def test_keeps_what_is_wanted() -> None:
    store = Store(600)
    async with _proxy(PAGE) as port:
        await _round([_pod("a", port)], store)
    assert store.failure(("x", "a")) == ""
    wants = (Want("tcp_open_connections", "inbound"),)
    assert [value for _, value in store.readings(("x", "a"), wants, 0, 2)] == [2]


async def test_a_proxy_that_does_not_answer_is_told_in_words() -> None:
    store, hang = Store(600), asyncio.Event()
    async with _proxy(PAGE, hang=hang) as port:
        await _round([_pod("a", port)], store, LINKERD_VIZ_SCRAPE_TIMEOUT="200ms")
        hang.set()
    assert store.failure(("x", "a")) == "no answer within 0.2 s"


@pytest.mark.parametrize(
    ("page", "status", "reason"),
    [("", 503, "HTTP 503"), ("response_total frog\n", 200, "line 1: 'frog' is not a number")],
)
async def test_a_page_that_cannot_be_used_is_a_failure(page: str, status: int, reason: str) -> None:
    store = Store(600)
    async with _proxy(page, status) as port:
        await _round([_pod("a", port)], store)
    assert store.failure(("x", "a")) == reason


async def test_one_that_does_not_answer_does_not_keep_the_others() -> None:
    store = Store(600)
    async with _proxy(PAGE) as gone:
        pass
    async with _proxy(PAGE) as port:
        await _round([_pod("dead", gone), _pod("a", port)], store)
    assert store.failure(("x", "a")) == ""
    assert store.failure(("x", "dead"))


async def test_a_page_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_BODY_BYTES", 10)
    store = Store(600)
    async with _proxy(PAGE) as port:
        await _round([_pod("a", port)], store)
    assert store.failure(("x", "a")) == "more than 10 bytes"


async def test_pods_that_are_gone_are_forgotten() -> None:
    store = Store(600)
    async with _proxy(PAGE) as port:
        await _round([_pod("a", port)], store)
        await _round([_pod("b", port)], store)
    assert store.failure(("x", "a")) is None
    assert store.failure(("x", "b")) == ""
