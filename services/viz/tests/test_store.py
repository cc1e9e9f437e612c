"""The store with a clock of its own: rings, windows, resets."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from services.viz.tests.mesh import INTERVAL, scrape

from linkerd_contract.exposition import Unreadable
from linkerd_viz.store import Store

POD = ("ns", "pod")


def _increase(values: list[float | None], window: float = 600.0) -> tuple[float, float]:
    """Increase and span after scrapes INTERVAL apart; None is a scrape without the series."""
    store = Store(600, INTERVAL)
    now = 0.0
    for value in values:
        now += INTERVAL
        scrape(store, POD, now, "" if value is None else f"response_total {value}\n")
    view = store.view(POD, now, window)
    return sum(view.increase(series) for series in view.series), view.span


@pytest.mark.parametrize(
    ("values", "increase"),
    [
        ([], 0),
        ([7], 0),
        ([7, 7], 0),
        ([7, 9], 2),
        ([7, 9, 12], 5),
        ([7, 3], 3),
        ([7, 9, 0, 1], 3),
        ([None, 4], 4),
        ([None, 4, 6], 6),
        ([7, None, 2], 2),
        ([7, None, None, 9], 9),
    ],
)
def test_increase(values: list[float | None], increase: float) -> None:
    assert _increase(values)[0] == increase


def test_a_window_leaves_out_what_is_older() -> None:
    assert _increase([0, 100, 101, 103], window=10.0) == (3, 10.0)


@given(st.lists(st.tuples(st.integers(0, 50), st.booleans()), min_size=1, max_size=60))
def test_restarts_lose_nothing_that_was_scraped(steps: list[tuple[int, bool]]) -> None:
    value, total, seen = 10, 0, [10]
    for added, restart in steps:
        if restart and added < value:
            value = added
        else:
            value += added
        total += added
        seen.append(value)
    assert _increase([float(v) for v in seen])[0] == total


def test_the_ring_keeps_the_retention_and_no_more() -> None:
    store = Store(20, INTERVAL)
    for step in range(100):
        scrape(store, POD, step * INTERVAL, f"response_total {step}\n")
    view = store.view(POD, 99 * INTERVAL, 600)
    assert view.span == 20.0
    assert [view.increase(series) for series in view.series] == [4]


def test_series_that_are_gone_for_the_retention_are_forgotten() -> None:
    store = Store(20, INTERVAL)
    scrape(store, POD, 0, 'response_total{a="1"} 1\n')
    for step in range(1, 6):
        scrape(store, POD, step * INTERVAL, 'response_total{a="2"} 1\n')
    assert [series.labels for series in store.view(POD, 25, 600).series] == [{"a": "2"}]


def test_latest_is_of_the_last_scrape_only() -> None:
    store = Store(600, INTERVAL)
    scrape(store, POD, 0, "tcp_open_connections 4\n")
    view = store.view(POD, 1, 60)
    assert [view.latest(series) for series in view.series] == [4]
    scrape(store, POD, 5, "")
    view = store.view(POD, 6, 60)
    assert [view.latest(series) for series in view.series] == [None]
    view = store.view(POD, 500, 60)
    assert [view.latest(series) for series in view.series] == [None]


def test_a_failed_scrape_is_remembered_until_one_succeeds() -> None:
    store = Store(600, INTERVAL)
    assert store.failure(POD) is None
    scrape(store, POD, 0, "response_total 1\n")
    store.fail(POD, "refused")
    assert store.failure(POD) == "refused"
    assert len(store.view(POD, 1, 60).series) == 1
    scrape(store, POD, 5, "response_total 1\n")
    assert store.failure(POD) == ""


def test_an_unreadable_page_leaves_nothing_behind() -> None:
    store = Store(600, INTERVAL)
    with pytest.raises(Unreadable):
        scrape(store, POD, 0, "response_total 1\nresponse_total x\n")
    assert store.view(POD, 1, 60).series == []


def test_pods_that_are_gone_are_forgotten() -> None:
    store = Store(600, INTERVAL)
    scrape(store, POD, 0, "response_total 1\n")
    scrape(store, ("ns", "other"), 0, "response_total 1\n")
    store.forget_all_but({POD})
    assert len(store.view(POD, 1, 60).series) == 1
    assert store.view(("ns", "other"), 1, 60).series == []
