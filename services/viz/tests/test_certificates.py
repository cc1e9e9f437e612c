"""Certificates: what identity tells, and what proxies tell of their own."""

from pathlib import Path

import aiohttp
from aiohttp import web
from services.viz.tests.mesh import emojivoto, measured, pod, scrape

from linkerd_contract.trust import TRUST_PATH
from linkerd_runtime.process import serve
from linkerd_viz.certificates import certificates
from linkerd_viz.inventory import Container, Inventory, Meta, Pod, PodSpec, PodStatus, Port
from linkerd_viz.store import Store

GOLDEN = Path(__file__).parents[3] / "libs/contract/tests/golden/trust-status.json"


def _identity(port: int) -> Pod:
    meta = Meta("identity-1", "linkerd", {"linkerd.io/control-plane-component": "identity"})
    return Pod(meta, PodSpec([Container("identity", [Port(port, "admin")])]), PodStatus("Running", "127.0.0.1"))


async def _rows(store: Store, mesh: Inventory) -> list[tuple[str, str, str]]:
    async with aiohttp.ClientSession() as session:
        found = (await certificates(measured(store, inventory=mesh), mesh, session)).rows
    return [(row.what, row.not_after, row.subject) for row in found]


def _proxies() -> Store:
    store = Store(600)
    scrape(store, ("emojivoto", "web-1-a"), 20, "control_identity_cert_expiration_timestamp_seconds 1900000000\n")
    scrape(store, ("emojivoto", "emoji-1-a"), 20, "control_identity_cert_expiration_timestamp_seconds 1800000000\n")
    return store


PROXIES = [
    ("emojivoto/emoji-1-a", "2027-01-15T08:00:00Z", "web.emojivoto"),
    ("emojivoto/web-1-a", "2030-03-17T17:46:40Z", "web.emojivoto"),
]


async def test_anchors_issuer_then_proxies_by_their_end() -> None:
    async def trust(_request: web.Request) -> web.Response:
        return web.Response(body=GOLDEN.read_bytes(), content_type="application/json")

    app = web.Application()
    app.router.add_get(TRUST_PATH, trust)
    runner = await serve(app, "127.0.0.1", 0)
    mesh = emojivoto()
    mesh.pods.append(_identity(runner.addresses[0][1]))
    try:
        rows = await _rows(_proxies(), mesh)
    finally:
        await runner.cleanup()
    assert [what for what, _, _ in rows[:-2]] == ["anchor", "anchor", "issuer"]
    assert all(not_after.endswith("Z") and subject for _, not_after, subject in rows)
    assert rows[-2:] == PROXIES


async def test_without_identity_proxies_alone() -> None:
    mesh = emojivoto()
    mesh.pods.extend([_identity(1), pod("plain", meshed=False)])
    assert await _rows(_proxies(), mesh) == PROXIES
