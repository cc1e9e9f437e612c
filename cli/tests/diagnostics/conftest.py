"""Destination, behind the fake cluster's port-forward."""

from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from cli.tests.cluster import Cluster
from cli.tests.viz.api import Api

from linkerd_runtime.process import serve


@pytest.fixture
async def destination(kube: Cluster) -> AsyncIterator[Api]:
    """Its debug API and its metrics."""
    api = Api()

    async def metrics(_request: web.Request) -> web.Response:
        return web.Response(text="up 1\n")

    app = web.Application()
    app.router.add_get("/metrics", metrics)
    app.router.add_get("/{path:.*}", api.handle)
    runner = await serve(app, "127.0.0.1", 0)
    kube.install()
    kube.add_pod("linkerd", "destination-1", {"linkerd.io/control-plane-component": "destination"})
    port = runner.addresses[0][1]
    kube.forwards |= {("destination-1", 9991): port, ("destination-1", 9990): port, ("web-1", 4191): port}
    try:
        yield api
    finally:
        await runner.cleanup()
