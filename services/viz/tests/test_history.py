"""Resources over time."""

import pytest
from services.viz.tests.mesh import emojivoto, measured, scrape
from services.viz.tests.test_stat import WEB, page

from linkerd_viz.history import history
from linkerd_viz.query import Named, Query
from linkerd_viz.store import Store


async def test_points() -> None:
    store = Store(600)
    for step in range(61):
        count = step * 10 if step < 30 else 300
        scrape(store, WEB, 1000 + step * 5, page(count, 0, count, 0))
    query = Query(Named("deployment", "emojivoto", "web"), 300)
    (entry,) = (await history(measured(store, now=1303), emojivoto(), query)).entries
    assert (entry.kind, entry.namespace, entry.name, entry.step_seconds) == ("deployment", "emojivoto", "web", 10.0)
    assert entry.times == [1010.0 + 10 * step for step in range(30)]
    assert [entry.rps[0], entry.rps[10], entry.rps[-1]] == [2.0, 2.0, 0.0]
    assert [entry.success[10], entry.success[-1], entry.latency_p50[-1]] == [1.0, None, None]
    assert entry.latency_p50[10] == pytest.approx(0.5)
    assert {len(values) for values in (entry.success, entry.rps, entry.latency_p95, entry.latency_p99)} == {30}


async def test_before_anything_was_measured_there_is_nothing() -> None:
    store = Store(600)
    (entry,) = (await history(measured(store), emojivoto(), Query(Named("deployment", None, "web"), 60))).entries
    assert entry.rps == [None] * 6
