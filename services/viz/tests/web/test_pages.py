"""Assets: types, validators, both encodings, what is not there, and that the page needs nothing from elsewhere."""

import gzip
import re
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient
from pytest_aiohttp.plugin import AiohttpClient

from linkerd_viz.web.pages import ASSETS, add_pages, load

Client = TestClient[web.Request, web.Application]
PAGE_WEIGHT = 60_000
"""Bytes of everything that the page loads, compressed; README states the figure."""


@pytest.fixture
async def client(aiohttp_client: AiohttpClient) -> Client:
    app = web.Application()
    add_pages(app)
    return await aiohttp_client(app)


@pytest.mark.parametrize("path", sorted(load()))
async def test_every_asset(client: Client, path: str) -> None:
    asset = load()[path]
    response = await client.get(path, headers={"Accept-Encoding": "identity"})
    assert (response.status, response.headers["Content-Type"]) == (200, asset.content_type)
    assert "Content-Encoding" not in response.headers
    assert await response.read() == asset.body == gzip.decompress(asset.compressed)
    assert response.headers["Vary"] == "Accept-Encoding"


@pytest.mark.parametrize(("accepted", "zipped"), [("gzip, br", True), ("gzip;q=0.5", True), ("gzip;q=0", False)])
async def test_a_validator_for_each_encoding(client: Client, accepted: str, zipped: bool) -> None:
    first = await client.get("/", headers={"Accept-Encoding": accepted})
    assert (first.headers.get("Content-Encoding") == "gzip") == zipped
    etag = first.headers["ETag"]
    again = await client.get("/", headers={"Accept-Encoding": accepted, "If-None-Match": etag})
    assert (again.status, await again.read(), again.headers["ETag"]) == (304, b"", etag)
    other = "identity" if zipped else "gzip"
    assert (await client.get("/", headers={"Accept-Encoding": other, "If-None-Match": etag})).status == 200


async def test_head(client: Client) -> None:
    response = await client.head("/", headers={"Accept-Encoding": "identity"})
    assert (response.status, await response.read()) == (200, b"")
    assert int(response.headers["Content-Length"]) == len(load()["/"].body)


@pytest.mark.parametrize(
    "path", ["/index.html", "/assets/", "/assets/frog.js", "/assets/../__init__.py", "/assets/%2e%2e/x"]
)
async def test_nothing_else_is_served(client: Client, path: str) -> None:
    assert (await client.get(path)).status == 404


def test_a_file_of_an_unknown_type_is_named(tmp_path: Path) -> None:
    (tmp_path / "x.wasm").write_bytes(b"")
    with pytest.raises(ValueError, match=r"x\.wasm: no content type"):
        load(tmp_path)


@pytest.mark.parametrize("file", sorted(p for p in ASSETS.rglob("*") if p.is_file()), ids=lambda p: p.name)
def test_nothing_comes_from_elsewhere_and_nothing_is_inline(file: Path) -> None:
    text = file.read_text()
    # Names of namespaces are no addresses that anything is loaded from.
    assert set(re.findall(r"https?://[^\s\"'`)]*", text)) <= {"http://www.w3.org/2000/svg"}
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function", text)
    if file.suffix == ".html":
        assert not re.search(r"<style|\sstyle=|\son[a-z]+=|<script(?![^>]*\ssrc=)", text)


def test_modules_are_preloaded_and_there(client: Client) -> None:
    """So that a page through a port-forward is one round of requests, not one for each level of imports."""
    preloaded = set(re.findall(r'rel="modulepreload" href="/assets/([^"]+)"', (ASSETS / "index.html").read_text()))
    modules = {p.relative_to(ASSETS).as_posix() for p in ASSETS.rglob("*.js")}
    assert preloaded == modules - {"app.js", "theme.js"}
    for module in ASSETS.rglob("*.js"):
        for name in re.findall(r'from "(\./[^"]+|\.\./[^"]+)"', module.read_text()):
            assert (module.parent / name).is_file(), f"{module.name} imports {name}"


def test_page_weight() -> None:
    assert sum(len(asset.compressed) for asset in load().values()) < PAGE_WEIGHT
