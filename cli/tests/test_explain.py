"""`linkerd explain`, in both forms."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web
from cli.tests.cluster import Cluster
from cli.tests.diagnostics.conftest import destination
from cli.tests.terminal import Terminal
from cli.tests.viz.api import Api

from linkerd_cli.explain import explanation_text, namespace_of, trace_text
from linkerd_contract.codec import decode
from linkerd_contract.explain import DecisionStep, DecisionTrace, Explanation, pod_tag, trace_id
from linkerd_contract.problem import Problem
from linkerd_contract.resource import ResourceRef
from linkerd_runtime.process import serve

__all__ = ["destination"]

GOLDEN = Path(__file__).parents[2] / "libs/contract/tests/golden"
SERVER = ResourceRef("policy.linkerd.io", "Server", "x", "web-http")
DENIED = Explanation(
    allowed=False,
    steps=[
        DecisionStep("client", "x/bot-1", "identity bot"),
        DecisionStep("route", "default", "takes every request", ResourceRef(name="http")),
        DecisionStep("authorization", "denied", "bot at 10.0.0.1: no authorization allows it: 403", SERVER),
    ],
    nearest_miss="Server x/web-http has no authorization at all",
)
URL = "http://web.x/api?q=1"
TEXT = """POST http://web.x/api?q=1: does not reach the application

STAGE           VERDICT   REASON                                             BY
client          x/bot-1   identity bot
route           default   takes every request
authorization   denied    bot at 10.0.0.1: no authorization allows it: 403   server/x/web-http

nearest miss: Server x/web-http has no authorization at all
"""


async def test_a_request_that_is_thought_of(terminal: Terminal, kube: Cluster, destination: Api) -> None:
    destination.answers["/v1/explain"] = DENIED
    typed = ["explain", "-n", "x", "--from", "deploy/bot", URL, "-X", "POST", "-H", "a: b", "-H", "c:d"]
    said = await terminal.linkerd(*typed)
    assert (said.code, said.out, said.err) == (0, TEXT, "")
    assert destination.queries == [
        [("from", "x/deployment/bot"), ("url", URL), ("method", "POST"), ("header", "a: b"), ("header", "c:d")]
    ]
    said = await terminal.linkerd(*typed, "-o", "json")
    assert decode(said.out, Explanation) == DENIED


async def test_the_senders_namespace_is_the_urls_where_nothing_else_says_it(
    terminal: Terminal, kube: Cluster, destination: Api
) -> None:
    destination.answers["/v1/explain"] = DENIED
    said = await terminal.linkerd("explain", "--from", "deploy/bot", "http://web.emojivoto:8080/x")
    assert said.code == 0, said.err
    assert dict(destination.queries[0])["from"] == "emojivoto/deployment/bot"


@pytest.mark.parametrize(
    ("url", "namespace"),
    [
        ("http://web.emojivoto/path", "emojivoto"),
        ("http://web.emojivoto.svc.cluster.local:80/", "emojivoto"),
        ("http://pod-0.db.store.svc.cluster.local/", "store"),
        ("http://web.svc/path", "svc"),
        ("http://web/path", "default"),
        ("http://10.1.2.3:80/", "default"),
        ("http://[fd00::1]/", "default"),
        ("http://[broken/", "default"),
        ("http://web./", "default"),
    ],
)
def test_namespace_of_a_url(url: str, namespace: str) -> None:
    assert namespace_of(url) == namespace


def test_what_gets_through_and_the_golden() -> None:
    golden = decode((GOLDEN / "explanation.json").read_bytes(), Explanation)
    assert explanation_text("GET /", golden) == (
        "GET /: reaches the application\n\nSTAGE     VERDICT            REASON   BY\nservice   voting.emojivoto\n\n"
        "nearest miss: route canary: header x-canary is absent\n"
    )
    assert explanation_text("GET /", Explanation(allowed=True)).startswith("GET /: reaches the application\n")


async def test_what_destination_refuses_is_one_line(terminal: Terminal, kube: Cluster, destination: Api) -> None:
    problem = Problem("No answer", 404, "notFound", "no pod of deployment bot in namespace x")
    destination.answers["/v1/explain"] = problem
    said = await terminal.linkerd("explain", "-n", "x", "--from", "deploy/bot", URL)
    assert (said.code, said.out, said.err) == (1, "", "Error: no pod of deployment bot in namespace x\n")


@pytest.fixture
async def proxy(kube: Cluster) -> AsyncIterator[str]:
    """A pod whose proxy keeps one trace, the contract's golden one, on an admin port of its own; the trace's id."""
    ident = trace_id(pod_tag("x", "web-1"), 18)
    trace = json.loads((GOLDEN / "decision-trace.json").read_bytes()) | {"id": ident}

    async def one(request: web.Request) -> web.Response:
        if request.match_info["id"] != ident:
            return web.Response(status=404, text="no such trace")
        return web.json_response(trace)

    app = web.Application()
    app.router.add_get("/decisions/{id}", one)
    runner = await serve(app, "127.0.0.1", 0)
    sidecar = {"name": "linkerd-proxy", "ports": [{"name": "linkerd-admin", "containerPort": 4999}]}
    kube.add_pod("x", "web-1", {}, spec={"initContainers": [sidecar], "containers": [{"name": "web"}]})
    kube.add_pod("x", "web-2", {}, spec={"containers": [{"name": "linkerd-proxy"}]})
    kube.forwards["web-1", 4999] = runner.addresses[0][1]
    yield ident
    await runner.cleanup()


async def test_a_request_that_was_made(terminal: Terminal, kube: Cluster, proxy: str) -> None:
    said = await terminal.linkerd("explain", proxy)
    assert (said.code, said.err) == (0, "")
    assert said.out == (
        f"{proxy}: failfast at 2026-01-02T03:04:05Z, outbound at the proxy of x/web-1\n"
        "request: POST voting/x\n"
        "peer: 10.42.0.7:8080\n"
        "attempts: 3\n\n"
        "STAGE   VERDICT   REASON             BY\n"
        "route   canary    path prefix /api   httproute/emojivoto/canary\n"
    )
    said = await terminal.linkerd("explain", "-n", "x", proxy, "-o", "json")
    assert decode(said.out, DecisionTrace).attempts == 3


async def test_a_trace_that_is_not_there(terminal: Terminal, kube: Cluster, proxy: str) -> None:
    forgotten = proxy[:-4] + "ffff"
    said = await terminal.linkerd("explain", forgotten)
    assert said.code == 1
    assert said.err.startswith("Error: x/web-1: ")
    assert "no such trace" in said.err
    gone = trace_id(pod_tag("x", "web-0"), 1)
    said = await terminal.linkerd("explain", gone)
    assert said.err == (
        f"Error: {gone}: no running meshed pod in the cluster gives such ids; a trace is gone with its pod\n"
    )
    said = await terminal.linkerd("explain", "-n", "y", proxy)
    assert "no running meshed pod in namespace y" in said.err


def test_a_connection_has_no_request() -> None:
    trace = DecisionTrace(id="01234567-0001", time="t", direction="inbound", code="unauthorized")
    assert trace_text("x/web-1", trace) == (
        "01234567-0001: unauthorized at t, inbound at the proxy of x/web-1\nattempts: 1\n"
    )


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        (["web.x/api"], "web.x/api: write a URL such as http://web.emojivoto/path, or an id such as 3f1c0a77-0012"),
        ([URL], "--from KIND/NAME says who sends the request, such as --from deploy/vote-bot"),
        ([URL, "--from", "deploy"], "--from deploy: write a pod or a workload, such as deploy/vote-bot"),
        ([URL, "--from", "svc/web"], "--from svc/web: write a pod or a workload, such as deploy/vote-bot"),
        (
            ["01234567-0001", "-X", "POST"],
            "--from, -X and -H go with a URL; the trace of an id has the request that was made",
        ),
    ],
)
async def test_bad_input_is_one_line(terminal: Terminal, typed: list[str], told: str) -> None:
    said = await terminal.linkerd("explain", *typed)
    assert (said.code, said.out, said.err) == (1, "", f"Error: {told}\n")
