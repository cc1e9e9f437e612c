"""The pages for people."""

from typing import Any

from aiohttp.test_utils import TestClient, TestServer
from services.destination.tests.world import World

from linkerd_destination.api.debug import debug_app

POD = "kind: Pod\nmetadata: {name: p}\nstatus: {podIP: 10.42.0.1}"


async def test_documents_and_refusals() -> None:
    world = World(POD)
    async with TestClient(TestServer(debug_app(world.index))) as client:

        async def get(path: str) -> tuple[int, dict[str, object]]:
            async with client.get(path) as response:
                return response.status, await response.json(content_type=None)

        assert await get("/v1/outbound?target=10.42.0.1:80") == (200, world.outbound("10.42.0.1:80"))
        assert await get("/v1/inbound?workload=ns/p") == (200, world.inbound("ns/p"))
        for path, status, code in (
            ("/v1/outbound", 400, "invalidTarget"),
            ("/v1/outbound?target=a.ns.svc.cluster.local:80", 404, "notFound"),
            ("/v1/inbound?workload=ns/x", 404, "notFound"),
            ("/nowhere", 404, "http_404"),
        ):
            got, problem = await get(path)
            assert (got, problem["code"]) == (status, code)


OWNED = """
kind: Pod
metadata:
  name: bot-1
  labels: {pod-template-hash: abc}
  ownerReferences: [{kind: ReplicaSet, name: bot-abc, controller: true}]
spec: {containers: []}
status: {podIP: 10.42.0.9, phase: Running}
"""


async def test_explanations() -> None:
    world = World(POD, OWNED)
    async with TestClient(TestServer(debug_app(world.index))) as client:

        async def get(**query: str) -> tuple[int, dict[str, Any]]:
            async with client.get("/v1/explain", params=query) as response:
                return response.status, await response.json(content_type=None)

        for sender in ("ns/bot-1", "ns/deploy/bot", "ns/deployment/bot"):
            status, found = await get(**{"from": sender, "url": "http://10.42.0.1:80/x?y", "header": "a: b"})
            assert (status, found["allowed"]) == (200, True)
            assert found["steps"][0]["verdict"] == "ns/bot-1"
        status, found = await get(**{"from": "ns/bot-1", "url": "http://none/"})
        assert (status, found["steps"][-1]["verdict"]) == (200, "notFound")
        for query, code in (
            ({"from": "ns/none", "url": "http://a/"}, "notFound"),
            ({"from": "ns/deploy/none", "url": "http://a/"}, "notFound"),
            ({"from": "ns/bot-1", "url": "a"}, "invalidTarget"),
            ({"from": "ns/bot-1", "url": "http://a:b/"}, "invalidTarget"),
            ({"from": "ns/bot-1", "url": "http://a/", "header": "a"}, "invalidTarget"),
        ):
            assert (await get(**query))[1]["code"] == code
