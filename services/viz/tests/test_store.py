"""The store with a clock of its own: rings, windows, resets."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from services.viz.tests.mesh import INTERVAL, scrape

from linkerd_contract.exposition import Unreadable
from linkerd_viz.families import Want
from linkerd_viz.measurements import Reading
from linkerd_viz.pages import read
from linkerd_viz.store import Store

POD = ("ns", "pod")


R = 'response_total{direction="inbound"}'
WANTS = (Want("response_total", "inbound"), Want("tcp_open_connections", "inbound"))


def _readings(store: Store, now: float, window: float = 600.0) -> list[Reading]:
    return store.readings(POD, WANTS, now - window, now)


def _increase(values: list[float | None], window: float = 600.0) -> tuple[float, float]:
    """Increase and span after scrapes INTERVAL apart; None is a scrape without the series."""
    store = Store(600)
    now = 0.0
    for value in values:
        now += INTERVAL
        scrape(store, POD, now, "" if value is None else f"{R} {value}\n")
    span = min(window, INTERVAL * (len(values) - 1))
    return sum(value for _, value in _readings(store, now, window)) * span, span


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
        ([7, None, 7], 0),
        ([7, None, None, 9], 2),
        ([7, 9, None, 3, None, 4], 6),
        ([None, 4, None, 6], 6),
    ],
)
def test_increase(values: list[float | None], increase: float) -> None:
    assert _increase(values)[0] == increase


def test_a_window_leaves_out_what_is_older() -> None:
    assert _increase([0, 100, 101, 103], window=10.0) == (3, 10.0)


NAMES = "abcd"
_PAGES = st.lists(
    st.none() | st.fixed_dictionaries({}, optional={name: st.integers(0, 20) for name in NAMES}), max_size=40
)


def _expected(pages: list[dict[str, int] | None], since: int) -> dict[str, int]:
    """What each series counted after the page `since`, as Prometheus's increase() has it, without its extrapolation.

    A value that is not less than the last one that was seen continues it, whatever lies between; a lesser one is a
    counter that began again at zero. A series that began after the first page began at zero too.
    """
    counted: dict[str, int] = {}
    seen: dict[str, int] = {}
    known = False
    for number, page in enumerate(pages):
        for name, value in (page or {}).items():
            before = seen.get(name, 0)
            risen = value - before if value >= before else value
            if known and number > since:
                counted[name] = counted.get(name, 0) + risen
            seen[name] = value
        known = known or page is not None
    return counted


@given(_PAGES, st.integers(0, 40))
def test_gaps_and_resets_count_as_for_prometheus(pages: list[dict[str, int] | None], since: int) -> None:
    """None is a scrape that failed. The window begins at page `since`."""
    store = Store(600)
    for number, page in enumerate(pages):
        if page is None:
            store.fail(POD, "refused")
            continue
        lines = [f'response_total{{direction="inbound",srv_name="{name}"}} {value}' for name, value in page.items()]
        scrape(store, POD, number * 10.0, "\n".join([*lines, ""]))
    scraped = [number for number, page in enumerate(pages) if page is not None and number >= since]
    found = store.readings(POD, WANTS[:1], since * 10.0, len(pages) * 10.0)
    if len(scraped) < 2:
        assert not found
        return
    span = (scraped[-1] - scraped[0]) * 10.0
    expected = _expected(pages, scraped[0])
    assert {s.labels["srv_name"]: round(rate * span) for s, rate in found if rate} == {
        name: count for name, count in expected.items() if count
    }


def test_one_that_is_gone_for_longer_than_all_that_is_kept_begins_anew() -> None:
    store = Store(20)
    for step, page in enumerate([f"{R} 7\n", "", "", "", "", "", f"{R} 9\n"]):
        scrape(store, POD, step * INTERVAL, page)
    ((_, rate),) = _readings(store, 6 * INTERVAL)
    assert rate * 20 == 9


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
    assert _increase([float(v) for v in seen])[0] == pytest.approx(total)


def test_the_retention_and_no_more_is_kept() -> None:
    store = Store(20)
    for step in range(100):
        scrape(store, POD, step * INTERVAL, f"{R} {step}\n")
    ((_, rate),) = _readings(store, 99 * INTERVAL)
    assert rate == 4 / 20


def test_series_that_are_gone_are_forgotten() -> None:
    store = Store(20)
    for step in range(2000):
        scrape(store, POD, step * INTERVAL, f'response_total{{direction="inbound",classification="c{step}"}} 1\n')
    assert len(_readings(store, 1999 * INTERVAL)) < 200
    assert sum(rate for _, rate in _readings(store, 1999 * INTERVAL)) == pytest.approx(4 / 20)


def test_series_that_differ_in_what_nobody_asks_for_are_added_up() -> None:
    store = Store(600)
    for now, count in ((0, 1), (10, 3)):
        page = f'response_total{{direction="inbound",status_code="200"}} {count}\n'
        scrape(store, POD, now, page + f'response_total{{direction="inbound",status_code="500"}} {count * 2}\n')
    ((series, rate),) = _readings(store, 10)
    assert series.labels == {"direction": "inbound"}
    assert rate == pytest.approx(0.6)


def test_one_that_ends_does_not_look_like_a_restart_of_the_others() -> None:
    store = Store(600)
    more = 'response_total{direction="inbound",status_code="500"} 1000\n'
    scrape(store, POD, 0, f"{R} 10\n{more}")
    scrape(store, POD, 10, f"{R} 11\n")
    ((_, rate),) = _readings(store, 10)
    assert rate == pytest.approx(0.1)


def test_a_gauge_is_what_the_last_scrape_says() -> None:
    store = Store(600)
    one = 'tcp_open_connections{direction="inbound",peer="src",target_addr="a"}'
    other = 'tcp_open_connections{direction="inbound",peer="src",target_addr="b"}'
    scrape(store, POD, 0, f"{one} 4\n{other} 3\n")
    assert [value for _, value in _readings(store, 1)] == [7]
    scrape(store, POD, 5, f"{one} 1\n{other} 3\n")
    assert [value for _, value in _readings(store, 6)] == [4]
    scrape(store, POD, 10, f"{other} 3\n")
    assert [value for _, value in _readings(store, 11)] == [3]
    assert _readings(store, 500, 60) == []


def test_pods_share_series() -> None:
    store = Store(600)
    for name in ("a", "b"):
        for now in (0, 5):
            store.record(("ns", name), now, read(f"{R} {now}\n"))
    (one,), (other,) = (store.readings(("ns", name), WANTS, 0, 5) for name in ("a", "b"))
    assert one[0] is other[0]


def test_a_failed_scrape_is_remembered_until_one_succeeds() -> None:
    store = Store(600)
    assert store.failure(POD) is None
    scrape(store, POD, 0, f"{R} 1\n")
    store.fail(POD, "refused")
    assert store.failure(POD) == "refused"
    scrape(store, POD, 5, f"{R} 1\n")
    assert store.failure(POD) == ""
    assert [rate for _, rate in _readings(store, 5)] == [0.0]


def test_an_unreadable_page_leaves_nothing_behind() -> None:
    store = Store(600)
    scrape(store, POD, 0, f"{R} 1\n")
    with pytest.raises(Unreadable):
        scrape(store, POD, 5, 'response_total{direction="inbound",x=1} 9\n')
    scrape(store, POD, 10, f"{R} 3\n")
    assert [rate for _, rate in _readings(store, 10)] == [0.2]


def test_pods_that_are_gone_are_forgotten() -> None:
    store = Store(600)
    for key in (POD, ("ns", "other")):
        for now in (0, 5):
            scrape(store, key, now, f"{R} 1\n")
    store.forget_all_but({POD})
    assert len(_readings(store, 5)) == 1
    assert store.readings(("ns", "other"), WANTS, 0, 5) == []


def test_increases_between_two_times_lose_nothing() -> None:
    store = Store(600)
    total, seen = 0.0, 0.0
    for step in range(60):
        total = step * 3.0
        scrape(store, POD, step * 7.0, f"{R} {total}\n")
    for start in range(0, 420, 60):
        seen += sum(v for _, readings in store.increases(WANTS, start, start + 60) for _, v in readings)
    assert seen == pytest.approx(total)
