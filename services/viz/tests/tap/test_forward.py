"""The dashboard's way to tap: one more client of the aggregated API."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import web

from linkerd_contract import codec
from linkerd_contract.viz import TAP_PATH, TapQuery
from linkerd_kube import KubeClient
from linkerd_runtime.process import serve
from linkerd_viz.tap import status
from linkerd_viz.tap.forward import add_tap

QUERY = TapQuery("deployment", "emojivoto", "web")
UPSTREAM = "/apis/tap.linkerd.io/v1alpha1/watch/namespaces/emojivoto/deployments/web/tap"


class Upstream:
    """The API server."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, TapQuery]] = []
        self.refuse = 0
        self.cut = False

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """A tap."""
        self.asked.append((request.path, codec.decode(await request.read(), TapQuery)))
        if self.refuse:
            return web.json_response(status.status(self.refuse, "no"), status=self.refuse)
        response = web.StreamResponse(headers={"Warning": status.warning("careful")})
        await response.prepare(request)
        await response.write(b'{"a":1}\n\n{"b":2}\n')
        if self.cut:
            assert request.transport is not None
            request.transport.abort()
        return response


@asynccontextmanager
async def dashboard() -> AsyncIterator[tuple[Upstream, aiohttp.ClientSession]]:
    upstream = Upstream()
    app = web.Application()
    app.router.add_post("/{path:.*}", upstream.handle)
    behind = await serve(app, "127.0.0.1", 0)
    async with aiohttp.ClientSession() as session:
        front = web.Application()
        add_tap(front, KubeClient(f"http://127.0.0.1:{behind.addresses[0][1]}", session))
        runner = await serve(front, "127.0.0.1", 0)
        async with aiohttp.ClientSession(f"http://127.0.0.1:{runner.addresses[0][1]}") as http:
            yield upstream, http
        await runner.cleanup()
    await behind.cleanup()


async def test_passed_on() -> None:
    async with dashboard() as (upstream, http), http.post(TAP_PATH, data=codec.encode(QUERY)) as said:
        assert (said.status, said.content_type) == (200, "application/x-ndjson")
        assert said.headers["Warning"] == '299 - "careful"'
        assert await said.read() == b'{"a":1}\n\n{"b":2}\n'
        assert upstream.asked == [(UPSTREAM, QUERY)]


async def test_refusals_keep_their_status() -> None:
    async with dashboard() as (upstream, http):
        upstream.refuse = 403
        async with http.post(TAP_PATH, data=codec.encode(QUERY)) as said:
            assert (said.status, (await said.json(content_type=None))["detail"]) == (403, "no")


@pytest.mark.parametrize("body", [b"{", b'{"kind": "frog", "namespace": "a"}', b'{"kind": "pod", "namespace": "../x"}'])
async def test_bad_queries(body: bytes) -> None:
    async with dashboard() as (upstream, http), http.post(TAP_PATH, data=body) as said:
        assert (said.status, upstream.asked) == (400, [])


async def test_cut_off_stays_cut_off() -> None:
    async with dashboard() as (upstream, http):
        upstream.cut = True
        with pytest.raises(aiohttp.ClientPayloadError):
            async with http.post(TAP_PATH, data=codec.encode(QUERY)) as said:
                await said.read()
