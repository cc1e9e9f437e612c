"""The webhook's listener: POST /, an AdmissionReview in, one out. It never refuses a pod."""

import logging
from collections.abc import Callable

from aiohttp import web

from linkerd_contract import codec
from linkerd_runtime.problem import problem_middleware, problem_response
from linkerd_viz.inventory import Inventory
from linkerd_viz.tap.injector import BadReview, answer, read_review, tap_patch

log = logging.getLogger(__name__)
MAX_BODY = 8 << 20


def webhook_app(inventory: Callable[[], Inventory], identity: str) -> web.Application:
    """`identity`: whom proxies shall let tap them."""

    async def post(request: web.Request) -> web.StreamResponse:
        try:
            review, asked = read_review(await request.read())
        except BadReview as error:
            return problem_response(400, "bad_review", "Not an AdmissionReview", str(error))
        pod, namespace = asked.get("object"), str(asked.get("namespace") or "")
        annotations = next((n.metadata.annotations for n in inventory().namespaces if n.metadata.name == namespace), {})
        patch = tap_patch(pod, annotations, identity) if isinstance(pod, dict) else []
        if patch:
            log.debug("tap enabled for a pod in %s", namespace)
        return web.Response(body=codec.encode(answer(review, asked, patch)), content_type="application/json")

    app = web.Application(middlewares=[problem_middleware], client_max_size=MAX_BODY)
    app.router.add_post("/", post)
    return app
