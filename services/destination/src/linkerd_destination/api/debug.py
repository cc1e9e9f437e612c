"""For people, on the pod's loopback, reached by port-forward (so RBAC decides): the documents as proxies get them."""

from aiohttp import web

from linkerd_contract.codec import Document, encode
from linkerd_contract.watch import WatchCode
from linkerd_destination.index.state import Index
from linkerd_destination.translate.endpoints import Caller
from linkerd_destination.translate.inbound import render_inbound
from linkerd_destination.translate.outbound import render_outbound
from linkerd_destination.translate.targets import NoAnswer
from linkerd_runtime.problem import problem_middleware, problem_response

_STATUS = {
    WatchCode.not_found: 404,
    WatchCode.invalid_target: 400,
    WatchCode.forbidden: 403,
    WatchCode.unavailable: 503,
}


def debug_app(index: Index) -> web.Application:
    """GET /v1/outbound?target=&namespace=&zone= and /v1/inbound?workload=namespace/pod."""

    async def outbound(request: web.Request) -> web.Response:
        query = request.query
        caller = Caller(query.get("namespace", ""), query.get("zone", ""))
        try:
            return _document(render_outbound(index.view(), query.get("target", ""), caller))
        except NoAnswer as error:
            return _refusal(error)

    async def inbound(request: web.Request) -> web.Response:
        try:
            return _document(render_inbound(index.view(), request.query.get("workload", "")))
        except NoAnswer as error:
            return _refusal(error)

    app = web.Application(middlewares=[problem_middleware])
    app.router.add_get("/v1/outbound", outbound)
    app.router.add_get("/v1/inbound", inbound)
    return app


def _document(document: Document) -> web.Response:
    return web.Response(body=encode(document), content_type="application/json")


def _refusal(error: NoAnswer) -> web.Response:
    code = error.error.code
    return problem_response(_STATUS.get(code, 500), code.value, "No answer", error.error.message)
