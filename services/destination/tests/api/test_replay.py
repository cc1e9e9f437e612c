"""`POST /v1/policy-test` over HTTP."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiohttp.test_utils import TestClient, TestServer
from services.destination.tests.translate.test_explain import CLUSTER, SERVER
from services.destination.tests.translate.test_replay import BOT, EDGE
from services.destination.tests.world import World

from linkerd_contract.codec import decode, encode
from linkerd_contract.replay import Edge, Replay, Replayed
from linkerd_destination.api.debug import debug_app
from linkerd_destination.api.replay import candidates

GOLDEN = Path(__file__).parents[4] / "libs/contract/tests/golden"


def objects(text: str) -> list[dict[str, Any]]:
    found = [document for document in yaml.safe_load_all(text) if document]
    for one in found:
        one["metadata"].setdefault("namespace", "ns")
    return found


async def post(body: bytes) -> tuple[int, bytes]:
    app = debug_app(World(CLUSTER).index)
    async with TestClient(TestServer(app)) as client, client.post("/v1/policy-test", data=body) as response:
        return response.status, await response.read()


async def test_what_would_change() -> None:
    deployment = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "namespace": "ns"}}
    stranger = Edge(server="ns/pod/web", port=9)
    gone = Edge(server="ns/deployment/gone", port=80)
    body = {"objects": [*objects(SERVER), deployment], "edges": json.loads(encode([EDGE, stranger, gone]))}
    status, answer = await post(json.dumps(body).encode())
    assert status == 200
    read = decode(answer, Replayed)
    assert [(c.edge, c.before.allowed, c.after.allowed) for c in read.denied] == [(EDGE, True, False)]
    assert (read.allowed, read.same, [u.edge for u in read.undecided]) == ([], 1, [gone])
    assert read.ignored == ["Deployment ns/web"]


async def test_many_edges() -> None:
    edges = [Edge(server="ns/pod/web", port=port, client=BOT, tls=True) for port in range(1, 301)]
    status, answer = await post(encode(Replay(edges=edges)))
    assert (status, decode(answer, Replayed).same) == (200, 300)


def test_the_golden_request_is_read() -> None:
    asked = decode((GOLDEN / "replay.json").read_bytes(), Replay)
    [server], ignored = candidates(bytes(raw) for raw in asked.objects)
    assert server.key == ("emojivoto", "web-http")
    assert ignored == []


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        (b"nonsense", "JSON is malformed"),
        (b'{"objects": [7]}', "not a Kubernetes object: "),
        (
            json.dumps({"objects": objects(SERVER.replace("port: 8080", "port: 99999, ports: 1"))}).encode(),
            "Server ns/web-http: spec.port: must be a whole number from 1 to 65535, not 99999; "
            "Server ns/web-http: spec.ports: unknown field; did you mean port?",
        ),
        (b'{"objects": [{"apiVersion": "v1", "kind": "Namespace", "metadata": {}}]}', "Namespace "),
    ],
)
async def test_what_the_cluster_would_refuse_is_refused(body: bytes, detail: str) -> None:
    status, answer = await post(body)
    problem = json.loads(answer)
    assert (status, problem["code"]) == (400, "invalid")
    assert problem["detail"].startswith(detail), problem
