"""Requests and what their answers become."""

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from libs.kube.tests.fake_api import FakeApi

from linkerd_kube import AlreadyExists, ApiError, Conflict, Forbidden, KubeClient, NotFound, Unreachable, resources

CM = resources.CONFIG_MAPS


async def test_the_life_of_an_object(api: FakeApi, client: KubeClient) -> None:
    body = {"metadata": {"name": "c"}, "data": {"a": "1"}}
    created = await client.create(CM.path("ns"), body)
    with pytest.raises(AlreadyExists):
        await client.create(CM.path("ns"), body)
    patched = await client.patch(CM.path("ns", "c"), {"data": {"b": "2"}})
    assert patched["data"] == {"a": "1", "b": "2"}
    assert api.headers[-1]["Content-Type"] == "application/merge-patch+json"
    with pytest.raises(Conflict):
        await client.replace(CM.path("ns", "c"), created)
    assert (await client.replace(CM.path("ns", "c"), {**patched, "data": {}}))["data"] == {}
    assert (await client.get(CM.path("ns", "c")))["metadata"]["name"] == "c"
    await client.delete(CM.path("ns", "c"))
    with pytest.raises(NotFound) as gone:
        await client.get(CM.path("ns", "c"))
    assert "c" in gone.value.message
    assert await client.find(CM.path("ns", "c")) is None


async def test_the_token_is_asked_for_every_request(api: FakeApi) -> None:
    tokens = iter(["one", "Basic two", None])

    async def token() -> str | None:
        return next(tokens)

    async with aiohttp.ClientSession() as session:
        client = KubeClient(api.url + "/", session, token)
        for _ in range(3):
            await client.list(CM)
    assert [h.get("Authorization") for h in api.headers] == ["Bearer one", "Basic two", None]


async def test_impersonation(api: FakeApi, client: KubeClient) -> None:
    client.impersonate("jane", ["dev", "ops"])
    await client.list(CM)
    assert api.headers[-1]["Impersonate-User"] == "jane"
    assert (await client._headers(None)).getall("Impersonate-Group") == ["dev", "ops"]


async def test_nobody_listens() -> None:
    async with aiohttp.ClientSession() as session:
        with pytest.raises(Unreachable) as error:
            await KubeClient("http://127.0.0.1:1", session).get("/version")
    assert isinstance(error.value.__cause__, OSError)
    assert error.value.status == 0


async def test_selectors_travel(api: FakeApi, client: KubeClient) -> None:
    await client.list(CM, "ns", label_selector="a=b", field_selector="metadata.name=c", limit=7)
    assert api.requests[-1] == (
        "GET",
        "/api/v1/namespaces/ns/configmaps?labelSelector=a%3Db&fieldSelector=metadata.name%3Dc&limit=7",
    )


async def test_an_answer_that_is_not_json(client: KubeClient, monkeypatch: pytest.MonkeyPatch) -> None:
    async def page(*_: object, **__: object) -> bytes:
        return b"<html>"

    monkeypatch.setattr(client, "_request", page)
    with pytest.raises(ApiError, match="not JSON"):
        await client.get("/version")


async def test_lines_of_any_length(api: FakeApi, client: KubeClient) -> None:
    api.put("/api/v1/configmaps", {"metadata": {"name": "c", "namespace": "ns"}, "data": {"x": "y" * 3_000_000}})
    async for line in client.watch_raw(CM, None, "0"):
        assert len(line) > 3_000_000
        break


async def test_a_session_given_stays_its_owners(api: FakeApi, client: KubeClient) -> None:
    await client.close()
    assert (await client.list(CM)).items == []


async def test_text(api: FakeApi, client: KubeClient) -> None:
    api.put("/api/v1/pods", {"metadata": {"name": "p", "namespace": "ns"}})
    path = resources.PODS.path("ns", "p")
    assert '"name": "p"' in await client.get_text(path)
    lines = [line async for line in client.stream_text(path)]
    assert len(lines) == 1


async def test_streams_of_posts() -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        if request.path == "/refused":
            return web.json_response({"kind": "Status", "message": "no", "code": 403}, status=403)
        response = web.StreamResponse(headers={"Warning": '299 - "say \\"x\\""'})
        await response.prepare(request)
        await response.write(await request.read() + b"\n\nlast\n")
        return response

    app = web.Application()
    app.router.add_post("/{path:.*}", answer)
    async with TestServer(app) as server, aiohttp.ClientSession() as session:
        client = KubeClient(str(server.make_url("")), session)
        async with client.post_stream("/x", {"a": 1}) as stream:
            assert stream.warnings == ['say "x"']
            assert [line async for line in stream.lines] == [b'{"a":1}', b"", b"last"]
        with pytest.raises(Forbidden, match="no"):
            async with client.post_stream("/refused", {}):
                raise AssertionError
