"""The metrics API, for people: GET /api/v1/stat and /api/v1/edges on the pod's loopback, by port-forward.

Parameters: kind (any of Linkerd's names for it), namespace (absent: all), window ("1m", at least 15 s); for stat also
name and unmeshed=true. Errors are problem+json.
"""

import time
from collections.abc import Awaitable, Callable

from aiohttp import web

from linkerd_contract import codec
from linkerd_contract.durations import parse_duration_ms
from linkerd_contract.viz import EDGES_PATH, STAT_PATH
from linkerd_runtime.problem import problem_middleware, problem_response
from linkerd_viz.edges import EdgesQuery, edges
from linkerd_viz.inventory import KINDS, Inventory
from linkerd_viz.stat import StatQuery, stat
from linkerd_viz.store import Store

MIN_WINDOW_SECONDS = 15.0
_EDGE_KINDS = tuple(kind for kind in KINDS if kind not in ("service", "namespace"))


class BadQuery(ValueError):
    """A parameter that cannot be used; the message names it."""


def metrics_app(
    store: Store,
    inventory: Callable[[], Inventory],
    retention_seconds: float,
    clock: Callable[[], float] = time.monotonic,
) -> web.Application:
    """`clock` is the one that the store's samples were taken by."""

    def window(request: web.Request) -> float:
        text = request.query.get("window", "1m")
        try:
            seconds = parse_duration_ms(text) / 1000
        except ValueError as error:
            raise BadQuery(f"window: {error}") from None
        if not MIN_WINDOW_SECONDS <= seconds <= retention_seconds:
            raise BadQuery(f"window: {text} is not between 15s and {retention_seconds:.0f}s, which is what is kept")
        return seconds

    async def get_stat(request: web.Request) -> web.Response:
        query = StatQuery(
            kind=_kind(request, KINDS),
            namespace=request.query.get("namespace") or None,
            name=request.query.get("name") or None,
            window_seconds=window(request),
            unmeshed=request.query.get("unmeshed") == "true",
        )
        return _json(stat(store, inventory(), query, clock()))

    async def get_edges(request: web.Request) -> web.Response:
        query = EdgesQuery(_kind(request, _EDGE_KINDS), request.query.get("namespace") or None, window(request))
        return _json(edges(store, inventory(), query, clock()))

    app = web.Application(middlewares=[problem_middleware, _bad_query])
    app.router.add_get(STAT_PATH, get_stat)
    app.router.add_get(EDGES_PATH, get_edges)
    return app


def _kind(request: web.Request, allowed: tuple[str, ...]) -> str:
    kind = request.query.get("kind", "deployment")
    if kind not in allowed:
        raise BadQuery(f"kind: {kind!r} is not one of {', '.join(allowed)}")
    return kind


def _json(document: object) -> web.Response:
    return web.Response(body=codec.encode(document), content_type="application/json")


@web.middleware
async def _bad_query(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    try:
        return await handler(request)
    except BadQuery as error:
        return problem_response(400, "bad_query", "Bad query", str(error))
