"""Edges from outbound series."""

from dataclasses import replace

import pytest
from services.viz.tests.mesh import about, emojivoto, measured, pod, scrape

from linkerd_contract.viz import EdgeRow
from linkerd_viz.edges import edges
from linkerd_viz.inventory import Inventory
from linkerd_viz.store import Store

WEB = ("emojivoto", "web-1-a")
SERVER = "emoji.emojivoto.serviceaccount.identity.linkerd.cluster.local"
TO_EMOJI = (
    'direction="outbound",dst_deployment="emoji",dst_namespace="emojivoto",dst_pod="emoji-1-a",'
    f'tls="true",server_id="{SERVER}"'
)
TO_OLD = (
    'direction="outbound",dst_deployment="old",dst_namespace="emojivoto",dst_pod="old-1-a",'
    'tls="no_identity",no_tls_reason="not_provided_by_service_discovery"'
)
SECURED = EdgeRow("web", "emojivoto", "emoji", "emojivoto", "web.emojivoto", "emoji.emojivoto", "")


async def _edges(
    *pages: str, namespace: str | None = None, kind: str = "deployment", inventory: Inventory | None = None
) -> list[EdgeRow]:
    store = Store(600)
    mesh = inventory or emojivoto()
    for number, page in enumerate(pages):
        scrape(store, WEB, number * 5.0, page)
    measurements = measured(store, (len(pages) - 1) * 5.0, mesh)
    return (await edges(measurements, mesh, about(kind, namespace))).rows


async def test_an_open_connection_is_an_edge() -> None:
    assert await _edges(f'tcp_open_connections{{{TO_EMOJI},peer="dst"}} 1') == [SECURED]


async def test_responses_are_an_edge_also_when_the_connection_is_closed() -> None:
    closed = f'tcp_open_connections{{{TO_EMOJI},peer="dst"}} 0\n'
    page = closed + "response_total{%s} %d"
    assert await _edges(page % (TO_EMOJI, 1), page % (TO_EMOJI, 2)) == [SECURED]
    assert await _edges(page % (TO_EMOJI, 1), page % (TO_EMOJI, 1)) == []


async def test_an_edge_without_tls_says_why() -> None:
    assert await _edges(f'tcp_open_connections{{{TO_OLD},peer="dst"}} 1') == [
        EdgeRow("web", "emojivoto", "old", "emojivoto", "", "", "not_provided_by_service_discovery")
    ]


async def test_the_clients_own_side_is_no_edge() -> None:
    assert await _edges(f'tcp_open_connections{{{TO_EMOJI},peer="src"}} 1') == []
    assert await _edges('tcp_open_connections{direction="outbound",peer="dst",target_addr="1.1.1.1:443"} 1') == []


async def test_pods_that_are_gone_are_no_edge() -> None:
    gone = TO_EMOJI.replace("emoji-1-a", "emoji-0-z")
    assert await _edges(f'tcp_open_connections{{{gone},peer="dst"}} 1') == []


@pytest.mark.parametrize(("namespace", "count"), [(None, 1), ("emojivoto", 1), ("other", 0)])
async def test_namespaces(namespace: str | None, count: int) -> None:
    assert len(await _edges(f'tcp_open_connections{{{TO_EMOJI},peer="dst"}} 1', namespace=namespace)) == count


async def test_by_pod() -> None:
    rows = await _edges(f'tcp_open_connections{{{TO_EMOJI},peer="dst"}} 1', kind="pod")
    assert [(row.src, row.dst) for row in rows] == [("web-1-a", "emoji-1-a")]


async def test_by_namespace() -> None:
    rows = await _edges(f'tcp_open_connections{{{TO_EMOJI},peer="dst"}} 1', kind="namespace")
    assert [(row.src, row.src_namespace, row.dst, row.dst_namespace) for row in rows] == [("emojivoto",) * 4]


async def test_pods_that_cannot_be_scraped_are_named() -> None:
    store = Store(600)
    store.fail(WEB, "refused")
    mesh = emojivoto()
    assert (await edges(measured(store), mesh, about())).unscraped == ["emojivoto/web-1-a"]
    mesh = replace(mesh, pods=[pod("web-1-a", phase="Pending", ip="")])
    assert (await edges(measured(store), mesh, about("pod"))).unscraped == []


async def test_a_replica_set_is_found_by_its_pod() -> None:
    rows = await _edges(f'tcp_open_connections{{{TO_EMOJI},peer="dst"}} 1', kind="replicaset")
    assert [(row.src, row.dst) for row in rows] == [("web-1", "emoji-1")]
