"""The graph of workloads: edges over all kinds, with what their sources have measured."""

import pytest
from services.viz.tests.mesh import about, emojivoto, measured, scrape
from services.viz.tests.test_edges import TO_EMOJI, TO_OLD, WEB

from linkerd_contract.viz import GraphRow
from linkerd_viz.graph import graph
from linkerd_viz.measurements import BadWindow
from linkerd_viz.query import Named, Query
from linkerd_viz.store import Store

NOT_PROVIDED = "not_provided_by_service_discovery"
ENDS = ("deployment", "emojivoto", "web", "deployment", "emojivoto", "emoji")


def page(good: int, bad: int) -> str:
    """What web's proxy counts of its calls to emoji."""
    return "".join(
        [
            f'response_total{{{TO_EMOJI},classification="success"}} {good}\n',
            f'response_total{{{TO_EMOJI},classification="failure"}} {bad}\n',
            f'response_latency_ms_bucket{{{TO_EMOJI},le="10"}} {good + bad}\n',
            f'response_latency_ms_bucket{{{TO_EMOJI},le="+Inf"}} {good + bad}\n',
        ]
    )


async def rows(*pages: str, namespace: str | None = None) -> list[GraphRow]:
    store = Store(600)
    for number, text in enumerate(pages):
        scrape(store, WEB, number * 10.0, text)
    end = (len(pages) - 1) * 10.0
    return (await graph(measured(store, end), emojivoto(), about("namespace", namespace))).rows


async def test_an_edge_and_what_its_source_has_measured() -> None:
    assert await rows(page(0, 0), page(90, 10)) == [
        GraphRow(*ENDS, "web.emojivoto", "emoji.emojivoto", "", 0.9, 10.0, 5.0, 9.5, 9.9)
    ]


async def test_a_connection_without_requests_is_an_edge_without_figures() -> None:
    (row,) = await rows(f'tcp_open_connections{{{TO_OLD},peer="dst"}} 1\n')
    assert (row.dst, row.no_tls_reason, row.success, row.rps, row.latency_p99) == (
        "old",
        NOT_PROVIDED,
        None,
        None,
        None,
    )


async def test_what_nobody_calls_any_more_is_no_edge() -> None:
    assert await rows(page(90, 10), page(90, 10)) == []


async def test_one_call_without_tls_and_the_edge_is_not_secured() -> None:
    plain = TO_EMOJI.partition(",tls=")[0] + f',tls="no_identity",no_tls_reason="{NOT_PROVIDED}"'
    lines = [f'tcp_open_connections{{{labels},peer="dst"}} 1\n' for labels in (TO_EMOJI, plain)]
    for text in ("".join(lines), "".join(reversed(lines))):
        (row,) = await rows(text)
        assert (row.client_id, row.server_id, row.no_tls_reason) == ("", "", NOT_PROVIDED)


@pytest.mark.parametrize(("namespace", "count"), [(None, 1), ("emojivoto", 1), ("other", 0)])
async def test_edges_that_begin_or_end_in_a_namespace(namespace: str | None, count: int) -> None:
    assert len(await rows(page(0, 0), page(1, 0), namespace=namespace)) == count


async def test_pods_that_cannot_be_scraped_are_named() -> None:
    store = Store(600)
    store.fail(WEB, "refused")
    assert (await graph(measured(store), emojivoto(), about("namespace"))).unscraped == ["emojivoto/web-1-a"]


async def test_a_window_that_is_not_kept_is_refused() -> None:
    with pytest.raises(BadWindow):
        await graph(measured(Store(600)), emojivoto(), Query(Named("namespace"), window_seconds=30_000))
