"""Figures of resources."""

from typing import Any

import pytest
from services.viz.tests.mesh import about, emojivoto, measured, scrape

from linkerd_contract.viz import Dependency, StatRow
from linkerd_viz.inventory import Backend, Inventory, Meta, Split, SplitSpec
from linkerd_viz.measurements import BadWindow
from linkerd_viz.query import BadQuery, Named, Query
from linkerd_viz.selectors import parse_selector
from linkerd_viz.stat import stat
from linkerd_viz.store import Store

WEB = ("emojivoto", "web-1-a")
EMOJI = ("emojivoto", "emoji-1-a")


def page(successes: int, failures: int, fast: int, slow: int, *, opened: int = 3, read: int = 0) -> str:
    """A proxy's page."""
    side = 'direction="inbound",tls="true"'
    return f"""
# TYPE response_total counter
response_total{{{side},classification="success",status_code="200"}} {successes}
response_total{{{side},classification="failure",status_code="500"}} {failures}
response_total{{direction="outbound",classification="success"}} 99999
response_latency_ms_bucket{{{side},le="1"}} {fast}
response_latency_ms_bucket{{{side},le="2"}} {fast + slow}
response_latency_ms_bucket{{{side},le="+Inf"}} {fast + slow}
tcp_open_connections{{{side},peer="src"}} {opened}
tcp_open_connections{{{side},peer="dst"}} 1
tcp_read_bytes_total{{{side},peer="src"}} {read}
tcp_write_bytes_total{{{side},peer="src"}} {read * 2}
# EOF
"""


async def _rows(store: Store, kind: str = "deployment", **options: Any) -> dict[str, StatRow]:
    subject = Named(kind, options.pop("namespace", None), options.pop("name", None))
    inventory = options.pop("inventory", None) or emojivoto()
    response = await stat(measured(store, inventory=inventory), inventory, Query(subject, **options))
    return {row.leaf or row.name: row for row in response.rows}


@pytest.fixture
def store() -> Store:
    store = Store(600)
    scrape(store, WEB, 10, page(100, 10, 50, 50))
    scrape(store, WEB, 20, page(190, 20, 140, 60, read=1000))
    return store


async def test_figures(store: Store) -> None:
    row = (await _rows(store))["web"]
    assert (row.meshed, row.total) == (1, 1)
    assert row.success == pytest.approx(0.9)
    assert row.rps == pytest.approx(10.0)
    assert row.latency_p50 == pytest.approx(50 / 90)
    assert row.latency_p95 == pytest.approx(1.5)
    assert row.tcp_open_connections == 3
    assert (row.tcp_read_bytes_rate, row.tcp_write_bytes_rate) == (100.0, 200.0)


async def test_what_was_not_measured_is_null(store: Store) -> None:
    async def figures() -> tuple[float | None, ...]:
        row = (await _rows(store))["emoji"]
        return row.success, row.rps, row.latency_p50, row.tcp_open_connections

    assert await figures() == (None, None, None, None)
    scrape(store, EMOJI, 20, page(1, 1, 1, 1))
    assert await figures() == (None, None, None, 3)
    scrape(store, EMOJI, 25, page(1, 1, 1, 1))
    assert await figures() == (None, 0.0, None, 3)


async def test_pods_add_up_and_unmeshed_ones_do_not_count(store: Store) -> None:
    scrape(store, EMOJI, 10, page(0, 0, 0, 0))
    scrape(store, EMOJI, 20, page(10, 0, 10, 0))
    row = (await _rows(store, "namespace"))["emojivoto"]
    assert (row.namespace, row.meshed, row.total) == ("", 2, 3)
    assert row.rps == pytest.approx(11.0)
    assert row.success == pytest.approx(100 / 110)
    assert row.tcp_open_connections == 6


@pytest.mark.parametrize(
    ("kind", "options", "names"),
    [
        ("deployment", {}, ["emoji", "web"]),
        ("deployment", {"unmeshed": True}, ["emoji", "idle", "old", "web"]),
        ("deployment", {"name": "old"}, ["old"]),
        ("deployment", {"namespace": "other"}, []),
        ("deployment", {"selector": parse_selector("tier=front")}, ["web"]),
        ("deployment", {"selector": parse_selector("tier!=front")}, ["emoji"]),
        ("pod", {"selector": parse_selector("app in (web, x)")}, ["web-1-a"]),
        ("namespace", {"namespace": "emojivoto"}, ["emojivoto"]),
        ("service", {}, ["manual", "web-svc"]),
    ],
)
async def test_which_rows(store: Store, kind: str, options: dict[str, Any], names: list[str]) -> None:
    assert list(await _rows(store, kind, **options)) == names


async def test_pods_have_a_status(store: Store) -> None:
    assert (await _rows(store, "pod"))["web-1-a"].status == "Running"


async def test_dependencies_are_what_the_pods_call(store: Store) -> None:
    to = 'direction="outbound",peer="dst",dst_deployment="emoji",dst_replicaset="emoji-1",dst_namespace="emojivoto"'
    scrape(store, WEB, 25, f"tcp_open_connections{{{to}}} 1\n")
    assert (await _rows(store))["web"].dependencies == [Dependency("deployment", "emojivoto", "emoji")]


async def test_pods_that_cannot_be_scraped_are_named(store: Store) -> None:
    store.fail(WEB, "refused")
    response = await stat(measured(store), emojivoto(), about())
    assert response.unscraped == ["emojivoto/web-1-a"]
    assert response.window_seconds == 60


def calls(count: int, *, service: str = "web-svc", apex: str = "web-svc", pod: str = "web-1-a") -> str:
    """What emoji's proxy shows of calls to web."""
    to = (
        f'direction="outbound",authority="{apex}.emojivoto.svc.cluster.local:80",dst_namespace="emojivoto",'
        f'dst_service="{service}",dst_deployment="web",dst_pod="{pod}",tls="true"'
    )
    return (
        f'response_total{{{to},classification="success"}} {count}\n'
        f'response_latency_ms_bucket{{{to},le="1"}} {count}\n'
        f'response_latency_ms_bucket{{{to},le="+Inf"}} {count}\n'
        f'tcp_open_connections{{{to},peer="dst"}} 2\n'
    )


@pytest.fixture
def called(store: Store) -> Store:
    scrape(store, EMOJI, 10, calls(0) + calls(0, service="web-v2"))
    scrape(store, EMOJI, 20, calls(40) + calls(10, service="web-v2"))
    return store


TO_WEB = Named("deployment", None, "web")


async def test_to_is_of_the_outbound_side(called: Store) -> None:
    rows = await _rows(called, destination=TO_WEB)
    assert rows["emoji"].rps == pytest.approx(5.0)
    assert rows["emoji"].latency_p50 == pytest.approx(0.5)
    assert rows["emoji"].tcp_open_connections == 4
    assert rows["web"].rps is None
    assert (await _rows(called, destination=Named("service", "emojivoto", "web-v2")))["emoji"].rps == 1.0
    assert (await _rows(called, destination=Named("service", "other", "web-v2")))["emoji"].rps is None
    authority = Named("authority", None, "web-svc.emojivoto.svc.cluster.local")
    assert (await _rows(called, destination=authority))["emoji"].rps == pytest.approx(5.0)


async def test_from_is_of_the_sources_outbound_side(called: Store) -> None:
    rows = await _rows(called, source=Named("deployment", "emojivoto", "emoji"))
    assert rows["web"].rps == pytest.approx(5.0)
    assert (rows["web"].meshed, rows["emoji"].rps) == (1, None)
    assert (await _rows(called, source=TO_WEB))["web"].rps is None


async def test_services_and_authorities_are_seen_by_who_calls_them(called: Store) -> None:
    assert (await _rows(called, "service"))["web-svc"].rps == pytest.approx(4.0)
    rows = await _rows(called, "authority")
    assert {name: row.rps for name, row in rows.items()} == {"web-svc.emojivoto.svc.cluster.local:80": 5.0}
    assert await _rows(called, "authority", namespace="other") == {}


def split(*weights: int | str) -> Inventory:
    """The mesh with a TrafficSplit of web-svc."""
    mesh = emojivoto()
    leaves = [Backend(name, weight) for name, weight in zip(("web-svc", "web-v2", "web-v3"), weights, strict=True)]
    mesh.splits.append(Split(Meta("web-split", "emojivoto"), SplitSpec("web-svc", leaves)))
    return mesh


async def test_a_splits_leaves(called: Store) -> None:
    rows = await _rows(called, "trafficsplit", inventory=split(80, "200m", 0))
    assert {leaf: (row.name, row.apex, row.weight, row.rps) for leaf, row in rows.items()} == {
        "web-svc": ("web-split", "web-svc", "80", 4.0),
        "web-v2": ("web-split", "web-svc", "200m", 1.0),
        "web-v3": ("web-split", "web-svc", "0", None),
    }


async def test_what_is_called_calls_nobody(store: Store) -> None:
    with pytest.raises(BadQuery, match="a service sends no traffic"):
        await _rows(store, "service", destination=TO_WEB)


@pytest.mark.parametrize(
    "query",
    [
        Query(Named("pod"), 3600),
        Query(Named("deployment"), 3600, selector=parse_selector("app=web")),
        Query(Named("deployment"), 3600, source=Named("pod", "emojivoto", "web-1-a")),
        Query(Named("deployment"), 3600, destination=Named("authority", None, "web:80")),
    ],
)
async def test_what_needs_single_pods_is_refused_for_longer_than_they_are_kept(store: Store, query: Query) -> None:
    with pytest.raises(BadWindow, match="1h is more than the 10m that is kept for pods"):
        await stat(measured(store), emojivoto(), query)
