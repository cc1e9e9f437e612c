"""Tap for the dashboard: POST /api/v1/tap beside the metrics API, asked of the aggregated API like anybody's tap.

With metrics-api's own ServiceAccount (ClusterRole linkerd-linkerd-viz-tap-admin): who may port-forward to it may tap,
and sees no values of headers.
"""

import aiohttp
from aiohttp import web

from linkerd_contract import codec, viz
from linkerd_contract.viz import TapQuery
from linkerd_kube import ApiError, KubeClient
from linkerd_kube.client import Stream
from linkerd_runtime.problem import problem_response
from linkerd_viz.tap import status


def add_tap(app: web.Application, client: KubeClient) -> None:
    """The route."""

    async def post(request: web.Request) -> web.StreamResponse:
        try:
            query = codec.decode(await request.read(), TapQuery)
            path = viz.tap_path(query)
        except (ValueError, RecursionError) as error:
            return problem_response(400, "bad_query", "Bad query", str(error))
        try:
            async with client.post_stream(path, query) as stream:
                return await _pass_on(request, stream)
        except ApiError as error:
            code = error.status if 400 <= error.status < 600 else 503
            return problem_response(code, "tap_refused", "Tap refused", error.message)

    app.router.add_post(viz.TAP_PATH, post)


async def _pass_on(request: web.Request, stream: Stream) -> web.StreamResponse:
    response = web.StreamResponse(headers={"content-type": "application/x-ndjson"})
    for text in stream.warnings:
        response.headers.add("Warning", status.warning(text))
    try:
        await response.prepare(request)
        async for line in stream.lines:
            await response.write(line + b"\n")
        await response.write_eof()
    except (aiohttp.ClientError, OSError):
        # The page was closed; or the tap is gone, and its reader has to see that the answer is cut off.
        if request.transport is not None:
            request.transport.abort()
    return response
