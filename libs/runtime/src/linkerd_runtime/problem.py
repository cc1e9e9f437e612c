"""Answers of application/problem+json (RFC 9457) from aiohttp services."""

from collections.abc import Awaitable, Callable

import structlog
from aiohttp import web

from linkerd_contract import codec
from linkerd_contract.problem import CONTENT_TYPE, Problem

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def problem_response(status: int, code: str, title: str, detail: str = "") -> web.Response:
    """An answer that programs tell apart by `code` and people by `detail`."""
    body = codec.encode(Problem(title=title, status=status, code=code, detail=detail))
    return web.Response(body=body, status=status, headers={"content-type": CONTENT_TYPE})


@web.middleware
async def problem_middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turns aiohttp's own errors (404, 405, 413 …) and what nobody foresaw into problem+json."""
    try:
        return await handler(request)
    except web.HTTPException as error:
        if error.status < 400:
            raise
        detail = f"{request.method} {request.path} is not answered here: {error.reason}"
        response = problem_response(error.status, f"http_{error.status}", error.reason, detail)
        if "Allow" in error.headers:
            response.headers["Allow"] = error.headers["Allow"]
        return response
    except Exception:
        log.exception("request failed", method=request.method, path=request.path)
        return problem_response(500, "internal", "Internal error", "the log of this service says more")
