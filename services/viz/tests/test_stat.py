"""Figures of resources from inbound series."""

import pytest
from services.viz.tests.mesh import emojivoto, scrape

from linkerd_contract.viz import Dependency, StatRow
from linkerd_viz.stat import StatQuery, stat
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


def _rows(store: Store, kind: str = "deployment", **options: object) -> dict[str, StatRow]:
    query = StatQuery(
        kind=kind,
        namespace=options.get("namespace"),  # type: ignore[arg-type]
        name=options.get("name"),  # type: ignore[arg-type]
        window_seconds=60,
        unmeshed=bool(options.get("unmeshed")),
    )
    return {row.name: row for row in stat(store, emojivoto(), query, 30.0).rows}


@pytest.fixture
def store() -> Store:
    store = Store(600, 5)
    scrape(store, WEB, 10, page(100, 10, 50, 50))
    scrape(store, WEB, 20, page(190, 20, 140, 60, read=1000))
    return store


def test_figures(store: Store) -> None:
    row = _rows(store)["web"]
    assert (row.meshed, row.total) == (1, 1)
    assert row.success == pytest.approx(0.9)
    assert row.rps == pytest.approx(10.0)
    assert row.latency_p50 == pytest.approx(50 / 90)
    assert row.latency_p95 == pytest.approx(1.5)
    assert row.tcp_open_connections == 3
    assert (row.tcp_read_bytes_rate, row.tcp_write_bytes_rate) == (100.0, 200.0)


def test_what_was_not_measured_is_null(store: Store) -> None:
    row = _rows(store)["emoji"]
    assert (row.success, row.rps, row.latency_p50, row.tcp_open_connections) == (None, None, None, None)
    scrape(store, EMOJI, 20, page(1, 1, 1, 1))
    row = _rows(store)["emoji"]
    assert (row.success, row.rps, row.latency_p50, row.tcp_open_connections) == (None, None, None, 3)
    scrape(store, EMOJI, 25, page(1, 1, 1, 1))
    row = _rows(store)["emoji"]
    assert (row.success, row.rps, row.latency_p50, row.tcp_open_connections) == (None, 0.0, None, 3)


def test_pods_add_up_and_unmeshed_ones_do_not_count(store: Store) -> None:
    scrape(store, EMOJI, 10, page(0, 0, 0, 0))
    scrape(store, EMOJI, 20, page(10, 0, 10, 0))
    row = _rows(store, "namespace")["emojivoto"]
    assert (row.namespace, row.meshed, row.total) == ("", 2, 3)
    assert row.rps == pytest.approx(11.0)
    assert row.success == pytest.approx(100 / 110)
    assert row.tcp_open_connections == 6


def test_which_rows(store: Store) -> None:
    assert list(_rows(store)) == ["emoji", "web"]
    assert list(_rows(store, unmeshed=True)) == ["emoji", "idle", "old", "web"]
    assert list(_rows(store, name="old")) == ["old"]
    assert list(_rows(store, namespace="other")) == []
    assert list(_rows(store, "namespace", namespace="emojivoto")) == ["emojivoto"]
    assert list(_rows(store, "service")) == ["web-svc"]


def test_pods_have_a_status(store: Store) -> None:
    assert _rows(store, "pod")["web-1-a"].status == "Running"


def test_dependencies_are_what_the_pods_call(store: Store) -> None:
    to = 'direction="outbound",peer="dst",dst_deployment="emoji",dst_replicaset="emoji-1",dst_namespace="emojivoto"'
    scrape(store, WEB, 25, f"tcp_open_connections{{{to}}} 1\n")
    assert _rows(store)["web"].dependencies == [Dependency("deployment", "emojivoto", "emoji")]


def test_pods_that_cannot_be_scraped_are_named(store: Store) -> None:
    store.fail(WEB, "refused")
    response = stat(store, emojivoto(), StatQuery("deployment", None, None, 60), 30.0)
    assert response.unscraped == ["emojivoto/web-1-a"]
    assert response.window_seconds == 60
