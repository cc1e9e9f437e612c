"""The dashboard beside the API: one application, both behind the guard."""

from aiohttp import web
from pytest_aiohttp.plugin import AiohttpClient

from linkerd_viz.web import add_dashboard


async def test_pages_stand_beside_what_was_there(aiohttp_client: AiohttpClient) -> None:
    async def here(_request: web.Request) -> web.Response:
        return web.Response(text="here")

    app = web.Application()
    app.router.add_get("/api/v1/x", here)
    add_dashboard(app)
    client = await aiohttp_client(app)
    assert await (await client.get("/api/v1/x")).text() == "here"
    assert "<title>" in await (await client.get("/")).text()
    assert (await client.get("/api/v1/x", headers={"Host": "evil.example"})).status == 421
