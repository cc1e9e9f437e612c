"""Minutes of workload pairs: what is added up, and what bounds it."""

import pytest

from linkerd_viz.families import RESPONSES, Want
from linkerd_viz.measurements import PodKey, Reading, Series
from linkerd_viz.rollups import Rollups

A, B = ("x", "web-a"), ("x", "web-b")
WEB = ("deployment", "x", "web")
OF = {A: WEB, B: WEB}
INBOUND, OUTBOUND = Want(RESPONSES, "inbound"), Want(RESPONSES, "outbound")


def _minute(pod: PodKey, count: float, **labels: str) -> tuple[PodKey, list[Reading]]:
    return pod, [(Series(RESPONSES, {"direction": "inbound", **labels}), count)]


def test_pods_of_a_workload_are_added_up() -> None:
    rollups = Rollups(21_600)
    rollups.add(60, [_minute(A, 30), _minute(B, 30), _minute(("x", "stranger"), 99)], OF)
    ((series, rate),) = rollups.readings(WEB, [INBOUND], 0, 60)
    assert (series.labels, rate) == ({"direction": "inbound"}, 1.0)


def test_pairs_stay_apart_and_pods_of_the_other_side_do_not() -> None:
    rollups = Rollups(21_600)
    for deployment, pod in (("emoji", "emoji-a"), ("emoji", "emoji-b"), ("voting", "voting-a")):
        labels = {"direction": "outbound", "dst_namespace": "x", "dst_deployment": deployment, "dst_pod": pod}
        minute = (A, [(Series(RESPONSES, labels), 60.0)])
        rollups.add(60.0 * (pod[-1] == "b") + 60, [minute], OF)
    found = rollups.readings(WEB, [OUTBOUND], 0, 120)
    assert {series.labels["dst_deployment"] for series, _ in found} == {"emoji", "voting"}
    assert all("dst_pod" not in series.labels for series, _ in found)


def test_hours_are_kept_and_no_more() -> None:
    rollups = Rollups(600)
    for minute in range(1, 100):
        rollups.add(minute * 60, [_minute(A, 60)], OF)
    ((_, rate),) = rollups.readings(WEB, [INBOUND], 0, 99 * 60)
    assert rate == pytest.approx(1.0)
    assert rollups.readings(WEB, [INBOUND], 0, 80 * 60) == []


def test_beyond_its_size_the_oldest_minutes_go() -> None:
    rollups = Rollups(21_600, max_figures=10)
    for minute in range(1, 50):
        rollups.add(minute * 60, [_minute(A, 60)], OF)
    assert rollups.readings(WEB, [INBOUND], 0, 30 * 60) == []
    ((_, rate),) = rollups.readings(WEB, [INBOUND], 46 * 60, 49 * 60)
    assert rate == pytest.approx(1.0)


def test_workloads_of_which_nothing_is_left_are_forgotten() -> None:
    rollups = Rollups(300)
    rollups.add(60, [_minute(A, 60)], OF)
    for minute in range(2, 20):
        rollups.add(minute * 60, [], {})
    assert rollups.readings(WEB, [INBOUND], 0, 20 * 60) == []


def test_what_is_no_longer_called_is_dropped_in_time() -> None:
    rollups = Rollups(300)
    for minute in range(1, 200):
        labels = {"dst_deployment": f"d{minute}"}
        rollups.add(minute * 60, [_minute(A, 60, **labels)], OF)
    assert len(rollups.readings(WEB, [INBOUND], 0, 199 * 60)) < 80


def test_after_days_a_minute_still_counts() -> None:
    rollups = Rollups(600)
    for minute in range(1, 3 * 1440):
        rollups.add(minute * 60, [_minute(A, 600_000.0)], OF)
    now = (3 * 1440 - 1) * 60
    ((_, rate),) = rollups.readings(WEB, [INBOUND], now - 60, now)
    assert rate == pytest.approx(10_000.0, rel=1e-3)


def test_a_minute_of_many_series_has_a_column_for_each() -> None:
    rollups = Rollups(21_600)
    pods = {("x", f"web-{n}"): WEB for n in range(3)}
    labels = [{"dst_deployment": f"d{n}"} for n in range(1000)]
    rollups.add(60, [_minute(pod, 60, **one) for pod in pods for one in labels], pods)
    assert len(rollups.readings(WEB, [INBOUND], 0, 60)) == len(labels)
