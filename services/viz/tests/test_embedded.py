"""Pods for minutes, workloads for hours: one answer after the other."""

import pytest
from services.viz.tests.mesh import Clock, emojivoto, scrape
from services.viz.tests.test_stat import WEB, page

from linkerd_viz.embedded import Embedded, steady_clock, told
from linkerd_viz.history import history
from linkerd_viz.measurements import BadWindow, Reading
from linkerd_viz.query import Named, Query
from linkerd_viz.rollups import Rollups
from linkerd_viz.stat import stat
from linkerd_viz.store import Store

HOUR = 3600.0


@pytest.fixture
async def lived() -> Embedded:
    """Three hours with 2 requests a second, one in ten failing, a restart in each."""
    clock, store = Clock(0.0), Store(600)
    embedded = Embedded(store, Rollups(6 * HOUR), emojivoto, clock)
    for step in range(1, 1081):
        clock.now = step * 10.0
        count = step * 10 % 3600
        scrape(store, WEB, clock.now, page(count * 9 // 5, count // 5, count * 2, 0))
        await embedded.roll()
    return embedded


async def test_a_window_of_hours_is_answered_by_workload(lived: Embedded) -> None:
    response = await stat(lived, emojivoto(), Query(Named("deployment", None, "web"), 2 * HOUR))
    (row,) = response.rows
    assert row.rps == pytest.approx(2.0, rel=0.02)
    assert row.success == pytest.approx(0.9, rel=0.02)
    assert row.latency_p50 == pytest.approx(0.5, rel=0.02)
    namespaces = await stat(lived, emojivoto(), Query(Named("namespace", None, "emojivoto"), 2 * HOUR))
    assert namespaces.rows[0].rps == pytest.approx(2.0, rel=0.02)


async def test_a_history_of_hours(lived: Embedded) -> None:
    query = Query(Named("deployment", None, "web"), 2 * HOUR)
    (entry,) = (await history(lived, emojivoto(), query)).entries
    assert (entry.step_seconds, len(entry.times)) == (120.0, 60)
    assert all(rps == pytest.approx(2.0, rel=0.1) for rps in entry.rps)


async def test_what_is_not_kept_that_long_is_refused(lived: Embedded) -> None:
    lived.check_window(600, per_pod=True)
    lived.check_window(6 * HOUR, per_pod=False)
    with pytest.raises(BadWindow, match="11m is more than the 10m that is kept for pods"):
        lived.check_window(660, per_pod=True)
    with pytest.raises(BadWindow, match="7h is more than the 6h that is kept for workloads"):
        lived.check_window(7 * HOUR, per_pod=False)


async def test_failures_are_of_pods_that_were_tried() -> None:
    store = Store(600)
    store.fail(WEB, "refused")
    embedded = Embedded(store, Rollups(600), emojivoto, Clock())
    assert await embedded.failures({WEB, ("x", "never")}) == {WEB: "refused"}


def test_the_clock_does_not_go_back() -> None:
    clock = steady_clock()
    times = [clock() for _ in range(100)]
    assert times == sorted(times)


@pytest.mark.parametrize(("seconds", "text"), [(21_600, "6h"), (600, "10m"), (90, "90s"), (0.5, "0.5s")])
def test_durations_for_people(seconds: float, text: str) -> None:
    assert told(seconds) == text


class _Never(Rollups):
    """Must not be asked."""

    def readings(self, *_: object) -> list[Reading]:
        raise AssertionError("a pod's figures are not its workload's")


async def test_a_pods_history_never_comes_from_its_workloads_minutes() -> None:
    clock, store = Clock(0.0), Store(600)
    embedded = Embedded(store, _Never(6 * HOUR), emojivoto, clock)
    for step in range(1, 100):
        clock.now = step * 10.0 + 7
        scrape(store, WEB, clock.now, page(step * 20, 0, step * 20, 0))
    (entry,) = (await history(embedded, emojivoto(), Query(Named("pod", None, "web-1-a"), 600))).entries
    assert (entry.step_seconds, len(entry.times)) == (10.0, 60)
    assert entry.rps[5:] == [pytest.approx(2.0)] * 55
