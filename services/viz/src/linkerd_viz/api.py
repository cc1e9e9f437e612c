"""The metrics API, for people: GET /api/v1/… on the pod's loopback, by port-forward.

Parameters: linkerd_contract.viz. Errors are problem+json: 400 bad_query, and 503 unavailable where a Prometheus that
was named does not answer.
"""

from collections.abc import Awaitable, Callable

import aiohttp
from aiohttp import web

from linkerd_contract import codec, viz
from linkerd_runtime.problem import problem_middleware, problem_response
from linkerd_viz.authz import authz
from linkerd_viz.certificates import certificates
from linkerd_viz.edges import EDGE_KINDS, edges
from linkerd_viz.graph import graph
from linkerd_viz.history import HISTORY_KINDS, history
from linkerd_viz.inventory import KINDS, Inventory
from linkerd_viz.measurements import BadWindow, Measurements, Unavailable
from linkerd_viz.pods import pods
from linkerd_viz.query import SOURCE_KINDS, BadQuery, Query, parse_query
from linkerd_viz.routes import ROUTE_KINDS, routes
from linkerd_viz.stat import STAT_KINDS, stat
from linkerd_viz.stat_inbound import stat_inbound
from linkerd_viz.stat_outbound import stat_outbound

Answer = Callable[[Measurements, Inventory, Query], Awaitable[object]]
_HISTORY_WINDOW = "10m"

# Path: what answers, and the kinds that it takes.
_DOCUMENTS: dict[str, tuple[Answer, tuple[str, ...]]] = {
    viz.STAT_PATH: (stat, STAT_KINDS),
    viz.STAT_INBOUND_PATH: (stat_inbound, SOURCE_KINDS),
    viz.STAT_OUTBOUND_PATH: (stat_outbound, SOURCE_KINDS),
    viz.EDGES_PATH: (edges, EDGE_KINDS),
    viz.GRAPH_PATH: (graph, ("namespace",)),
    viz.ROUTES_PATH: (routes, ROUTE_KINDS),
    viz.AUTHZ_PATH: (authz, KINDS),
    viz.HISTORY_PATH: (history, HISTORY_KINDS),
    viz.PODS_PATH: (pods, ("pod",)),
}


def metrics_app(
    measurements: Measurements, inventory: Callable[[], Inventory], session: aiohttp.ClientSession
) -> web.Application:
    """`session` is for asking identity."""

    def document(path: str, answer: Answer, kinds: tuple[str, ...]) -> None:
        window = _HISTORY_WINDOW if path == viz.HISTORY_PATH else "1m"

        async def get(request: web.Request) -> web.Response:
            parameters = dict(request.query)
            if len(kinds) == 1:
                parameters["kind"] = kinds[0]
            query = parse_query(parameters, kinds, window)
            return _json(await answer(measurements, inventory(), query))

        app.router.add_get(path, get)

    async def get_certificates(_request: web.Request) -> web.Response:
        return _json(await certificates(measurements, inventory(), session))

    app = web.Application(middlewares=[problem_middleware, _refusals])
    for path, (answer, kinds) in _DOCUMENTS.items():
        document(path, answer, kinds)
    app.router.add_get(viz.CERTIFICATES_PATH, get_certificates)
    return app


def _json(document: object) -> web.Response:
    return web.Response(body=codec.encode(document), content_type="application/json")


@web.middleware
async def _refusals(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    try:
        return await handler(request)
    except BadQuery as error:
        return problem_response(400, "bad_query", "Bad query", str(error))
    except BadWindow as error:
        return problem_response(400, "bad_query", "Bad query", f"window: {error}")
    except Unavailable as error:
        return problem_response(503, "unavailable", "Measurements unavailable", str(error))
