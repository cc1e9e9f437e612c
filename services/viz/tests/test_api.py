"""The API over HTTP."""

import json
from pathlib import Path

import pytest
from aiohttp.test_utils import TestClient
from pytest_aiohttp.plugin import AiohttpClient
from services.viz.tests.mesh import emojivoto, scrape
from services.viz.tests.test_edges import TO_EMOJI
from services.viz.tests.test_stat import WEB, page

from linkerd_contract.codec import decode
from linkerd_contract.viz import EdgesResponse, StatResponse
from linkerd_viz.api import metrics_app
from linkerd_viz.store import Store


@pytest.fixture
async def client(aiohttp_client: AiohttpClient) -> TestClient:  # type: ignore[type-arg]
    store = Store(600, 5)
    scrape(store, WEB, 10, page(100, 10, 50, 50))
    scrape(store, WEB, 20, page(190, 20, 140, 60) + f'tcp_open_connections{{{TO_EMOJI},peer="dst"}} 1\n')
    return await aiohttp_client(metrics_app(store, emojivoto, 600, clock=lambda: 30.0))


GOLDEN = Path(__file__).parents[3] / "libs/contract/tests/golden"


def _same_shape(ours: object, golden: object) -> bool:
    """Whether the golden document has every field that ours has, row by row."""
    if isinstance(ours, dict) and isinstance(golden, dict):
        return ours.keys() <= golden.keys() and all(_same_shape(ours[key], golden[key]) for key in ours)
    if isinstance(ours, list) and isinstance(golden, list):
        return not golden or all(_same_shape(item, golden[0]) for item in ours)
    return True


@pytest.mark.parametrize("document", ["stat", "edges"])
async def test_answers_have_the_goldens_shape(client: TestClient, document: str) -> None:  # type: ignore[type-arg]
    ours = json.loads(await (await client.get(f"/api/v1/{document}?kind=deployment")).read())
    assert ours["rows"]
    assert _same_shape(ours, json.loads((GOLDEN / f"viz-{document}.json").read_text()))


async def test_stat(client: TestClient) -> None:  # type: ignore[type-arg]
    response = await client.get("/api/v1/stat?kind=deployment&namespace=emojivoto&window=1m")
    assert response.status == 200
    rows = decode(await response.read(), StatResponse).rows
    assert [(row.name, row.rps) for row in rows] == [("emoji", None), ("web", 10.0)]


async def test_edges(client: TestClient) -> None:  # type: ignore[type-arg]
    response = await client.get("/api/v1/edges?kind=deployment")
    rows = decode(await response.read(), EdgesResponse).rows
    assert [(row.src, row.dst) for row in rows] == [("web", "emoji")]


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("stat?kind=frog", "kind: 'frog' is not one of"),
        ("stat?window=1", "window: '1' is not a duration"),
        ("stat?window=10s", "window: 10s is not between 15s and 600s"),
        ("stat?window=11m", "window: 11m is not between"),
        ("edges?kind=service", "kind: 'service' is not one of"),
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
