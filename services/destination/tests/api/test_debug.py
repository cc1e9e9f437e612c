"""The pages for people."""

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
