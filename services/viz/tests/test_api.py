"""The API over HTTP."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from aiohttp.test_utils import TestClient
from pytest_aiohttp.plugin import AiohttpClient
from services.viz.tests.mesh import Clock, emojivoto, measured, scrape
from services.viz.tests.test_edges import TO_EMOJI
from services.viz.tests.test_stat import WEB, page

from linkerd_contract.codec import decode
from linkerd_contract.viz import EdgesResponse, StatResponse
from linkerd_viz.api import metrics_app
from linkerd_viz.embedded import Embedded
from linkerd_viz.measurements import Readings, Unavailable
from linkerd_viz.rollups import Rollups
from linkerd_viz.store import Store

DST = 'direction="outbound",dst="web-svc.emojivoto.svc.cluster.local:80",rt_route="GET /"'
ROUTE = (
    'parent_kind="Service",parent_namespace="emojivoto",parent_name="web-svc",parent_port="80",'
    'route_kind="HTTPRoute",route_name="web"'
)
BACKEND = 'backend_kind="Service",backend_namespace="emojivoto",backend_name="web-v2",backend_port="80"'
ALLOWED = (
    'direction="inbound",client_id="vote-bot.emojivoto.serviceaccount.identity.linkerd.cluster.local",tls="true",'
    'srv_kind="server",srv_name="web-http",authz_kind="authorizationpolicy",authz_name="web"'
)


def policy_page(count: int) -> str:
    """Requests that a policy let in, and calls by a profile's route."""
    return "".join(
        [
            f"inbound_http_authz_allow_total{{{ALLOWED}}} {count}\n",
            f'response_total{{{ALLOWED},classification="success"}} {count}\n',
            f'outbound_http_route_request_statuses_total{{{ROUTE},http_status="200"}} {count}\n',
            f'outbound_http_route_backend_response_statuses_total{{{ROUTE},{BACKEND},http_status="200"}} {count}\n',
            f'route_response_total{{{DST},classification="success"}} {count}\n',
            "control_identity_cert_expiration_timestamp_seconds 2000000000\n",
        ]
    )


@pytest.fixture
async def client(aiohttp_client: AiohttpClient) -> AsyncIterator[TestClient]:  # type: ignore[type-arg]
    store = Store(600)
    scrape(store, WEB, 10, page(100, 10, 50, 50) + policy_page(1))
    scrape(store, WEB, 20, page(190, 20, 140, 60) + policy_page(5) + f'tcp_open_connections{{{TO_EMOJI},peer="dst"}} 1')
    async with aiohttp.ClientSession() as session:
        yield await aiohttp_client(metrics_app(measured(store), emojivoto, session))


GOLDEN = Path(__file__).parents[3] / "libs/contract/tests/golden"


def _same_shape(ours: object, golden: object) -> bool:
    """Whether the golden document has every field that ours has, row by row."""
    if isinstance(ours, dict) and isinstance(golden, dict):
        return ours.keys() <= golden.keys() and all(_same_shape(ours[key], golden[key]) for key in ours)
    if isinstance(ours, list) and isinstance(golden, list):
        return not golden or all(_same_shape(item, golden[0]) for item in ours)
    return True


@pytest.mark.parametrize(
    "document",
    ["stat", "stat-inbound", "stat-outbound", "edges", "graph", "routes", "authz", "pods", "history", "certificates"],
)
async def test_answers_have_the_goldens_shape(client: TestClient, document: str) -> None:  # type: ignore[type-arg]
    query = "kind=service&name=web-svc&namespace=emojivoto" if document == "routes" else "kind=deployment"
    ours = json.loads(await (await client.get(f"/api/v1/{document}?{query}")).read())
    assert ours["entries" if document == "history" else "rows"]
    assert _same_shape(ours, json.loads((GOLDEN / f"viz-{document}.json").read_text()))


async def test_stat(client: TestClient) -> None:  # type: ignore[type-arg]
    response = await client.get("/api/v1/stat?kind=deployment&namespace=emojivoto&window=1m")
    assert response.status == 200
    rows = decode(await response.read(), StatResponse).rows
    assert [(row.name, row.rps) for row in rows] == [("emoji", None), ("web", 10.4)]


async def test_edges(client: TestClient) -> None:  # type: ignore[type-arg]
    response = await client.get("/api/v1/edges?kind=deployment")
    rows = decode(await response.read(), EdgesResponse).rows
    assert [(row.src, row.dst) for row in rows] == [("web", "emoji")]


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("stat?kind=frog", "kind: 'frog' is not one of"),
        ("stat?window=1", "window: '1' is not a duration"),
        ("stat?window=10s", "window: 10s: metrics time window needs to be at least 15s"),
        ("stat?kind=pod&window=11m", "window: 11m is more than the 10m that is kept for pods"),
        ("stat?window=7h", "window: 7h is more than the 6h that is kept for workloads"),
        ("stat?to_kind=frog", "to_kind: 'frog' is not one of"),
        ("stat?to_kind=pod&from_kind=pod", "to and from cannot be combined"),
        ("stat?selector=%21%21", "selector: '!!' is not a label selector"),
        ("stat-inbound?kind=service", "kind: 'service' is not one of"),
        ("stat-outbound?window=11m", "window: 11m is more than the 10m that is kept for pods"),
        ("edges?kind=service", "kind: 'service' is not one of"),
        ("routes?kind=service&to_kind=service", "to: a service sends no traffic"),
    ],
)
async def test_bad_queries_are_problems(client: TestClient, query: str, told: str) -> None:  # type: ignore[type-arg]
    response = await client.get(f"/api/v1/{query}")
    assert response.status == 400
    assert response.content_type == "application/problem+json"
    problem = await response.json()
    assert problem["code"] == "bad_query"
    assert told in problem["detail"]


async def test_unknown_paths_are_problems(client: TestClient) -> None:  # type: ignore[type-arg]
    response = await client.get("/api/v1/frog")
    assert (response.status, response.content_type) == (404, "application/problem+json")


class _Away(Embedded):
    async def read(self, *_: object) -> list[Readings]:
        raise Unavailable("the Prometheus at http://p:9090 cannot be asked: refused")


async def test_measurements_that_cannot_be_had_are_a_problem(aiohttp_client: AiohttpClient) -> None:
    store, clock = Store(600), Clock()
    async with aiohttp.ClientSession() as session:
        away = _Away(store, Rollups(600), emojivoto, clock)
        client = await aiohttp_client(metrics_app(away, emojivoto, session))
        response = await client.get("/api/v1/stat")
        problem = await response.json()
    assert (response.status, problem["code"]) == (503, "unavailable")
    assert problem["detail"] == "the Prometheus at http://p:9090 cannot be asked: refused"
