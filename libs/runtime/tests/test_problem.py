"""Problem details."""

import json
import logging

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from linkerd_runtime.problem import problem_middleware, problem_response


async def test_every_failure_is_a_problem(caplog: pytest.LogCaptureFixture) -> None:
    async def own(_request: web.Request) -> web.Response:
        return problem_response(403, "identity_mismatch", "Not yours", "the token belongs to another")

    async def broken(_request: web.Request) -> web.Response:
        raise RuntimeError("a secret in a message")

    app = web.Application(middlewares=[problem_middleware])
    app.router.add_get("/own", own)
    app.router.add_get("/broken", broken)
    async with TestClient(TestServer(app)) as client:
        for path, method, status, code in (
            ("/own", "GET", 403, "identity_mismatch"),
            ("/nothing", "GET", 404, "http_404"),
            ("/own", "POST", 405, "http_405"),
            ("/broken", "GET", 500, "internal"),
        ):
            with caplog.at_level(logging.CRITICAL):
                answer = await client.request(method, path)
            assert answer.status == status
            assert answer.headers["content-type"] == "application/problem+json"
            problem = json.loads(await answer.read())
            assert (problem["status"], problem["code"]) == (status, code)
            assert problem["detail"]
            assert "secret" not in json.dumps(problem)
            if status == 405:
                assert answer.headers["Allow"] == "GET,HEAD"
