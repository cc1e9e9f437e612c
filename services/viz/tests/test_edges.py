"""Edges from outbound series."""

from dataclasses import replace

import pytest
from services.viz.tests.mesh import emojivoto, pod, scrape

from linkerd_contract.viz import EdgeRow
from linkerd_viz.edges import EdgesQuery, edges
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


def _edges(
    *pages: str, namespace: str | None = None, kind: str = "deployment", inventory: Inventory | None = None
) -> list[EdgeRow]:
    store = Store(600, 5)
    for number, page in enumerate(pages):
        scrape(store, WEB, number * 5.0, page)
    query = EdgesQuery(kind, namespace, 60)
    return edges(store, inventory or emojivoto(), query, (len(pages) - 1) * 5.0).rows


def test_an_open_connection_is_an_edge() -> None:
    assert _edges(f'tcp_open_connections{{{TO_EMOJI},peer="dst"}} 1') == [SECURED]


def test_responses_are_an_edge_also_when_the_connection_is_closed() -> None:
    closed = f'tcp_open_connections{{{TO_EMOJI},peer="dst"}} 0\n'
    page = closed + "response_total{%s} %d"
    assert _edges(page % (TO_EMOJI, 1), page % (TO_EMOJI, 2)) == [SECURED]
    assert _edges(page % (TO_EMOJI, 1), page % (TO_EMOJI, 1)) == []


def test_an_edge_without_tls_says_why() -> None:
    assert _edges(f'tcp_open_connections{{{TO_OLD},peer="dst"}} 1') == [
        EdgeRow("web", "emojivoto", "old", "emojivoto", "", "", "not_provided_by_service_discovery")
    ]


def test_the_clients_own_side_is_no_edge() -> None:
    assert _edges(f'tcp_open_connections{{{TO_EMOJI},peer="src"}} 1') == []
    assert _edges('tcp_open_connections{direction="outbound",peer="dst",target_addr="1.1.1.1:443"} 1') == []


def test_pods_that_are_gone_are_no_edge() -> None:
    gone = TO_EMOJI.replace("emoji-1-a", "emoji-0-z")
    assert _edges(f'tcp_open_connections{{{gone},peer="dst"}} 1') == []


@pytest.mark.parametrize(("namespace", "count"), [(None, 1), ("emojivoto", 1), ("other", 0)])
def test_namespaces(namespace: str | None, count: int) -> None:
    assert len(_edges(f'tcp_open_connections{{{TO_EMOJI},peer="dst"}} 1', namespace=namespace)) == count


def test_by_pod() -> None:
    rows = _edges(f'tcp_open_connections{{{TO_EMOJI},peer="dst"}} 1', kind="pod")
    assert [(row.src, row.dst) for row in rows] == [("web-1-a", "emoji-1-a")]


def test_pods_that_cannot_be_scraped_are_named() -> None:
    store = Store(600, 5)
    store.fail(WEB, "refused")
    mesh = emojivoto()
    assert edges(store, mesh, EdgesQuery("deployment", None, 60), 0).unscraped == ["emojivoto/web-1-a"]
    mesh = replace(mesh, pods=[pod("web-1-a", phase="Pending", ip="")])
    assert edges(store, mesh, EdgesQuery("pod", None, 60), 0).unscraped == []
