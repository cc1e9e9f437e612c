"""A metrics API behind the fake cluster's port-forward: answers from a table, and remembers what was asked."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web
from cli.tests.cluster import Cluster

from linkerd_contract.codec import encode
from linkerd_contract.problem import Problem
from linkerd_runtime.process import serve


class Api:
    """`answers` by path; a Problem is answered with its status."""

    def __init__(self) -> None:
        self.answers: dict[str, object] = {}
        self.asked: list[dict[str, str]] = []
        self.queries: list[list[tuple[str, str]]] = []
        """The same, with names that come more than once."""

    async def handle(self, request: web.Request) -> web.Response:
        """Every request."""
        self.asked.append(dict(request.query))
        self.queries.append(list(request.query.items()))
        answer = self.answers[request.path]
        status = answer.status if isinstance(answer, Problem) else 200
        return web.Response(body=encode(answer), status=status, content_type="application/json")


@asynccontextmanager
async def metrics_api(kube: Cluster) -> AsyncIterator[Api]:
    """Installed and ready."""
    api = Api()
    app = web.Application()
    app.router.add_get("/{path:.*}", api.handle)
    runner = await serve(app, "127.0.0.1", 0)
    kube.install_viz()
    kube.add_pod("linkerd-viz", "metrics-api-1", {"linkerd.io/extension": "viz", "component": "metrics-api"})
    kube.forwards["metrics-api-1", 9991] = runner.addresses[0][1]
    try:
        yield api
    finally:
        await runner.cleanup()
