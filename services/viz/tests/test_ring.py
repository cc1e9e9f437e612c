"""Rows, spans and columns."""

import pytest

from linkerd_viz.families import RESPONSES, TCP_OPEN, Want
from linkerd_viz.measurements import Series
from linkerd_viz.ring import Ring

COUNTER = Series(RESPONSES, {"direction": "inbound"})
GAUGE = Series(TCP_OPEN, {"direction": "inbound"})
WANTS = (Want(RESPONSES, "inbound"), Want(TCP_OPEN, "inbound"))


def _ring() -> Ring:
    ring = Ring()
    for now in range(0, 50, 10):
        ring.add(now, [(ring.column(COUNTER), 5.0)] if now else [])
    return ring


@pytest.mark.parametrize(
    ("start", "end", "before", "times"),
    [
        (0, 40, False, (0, 40)),
        (5, 35, False, (10, 30)),
        (5, 35, True, (0, 30)),
        (10, 30, True, (10, 30)),
        (41, 99, False, None),
        (-20, -1, False, None),
        (40, 40, False, (40, 40)),
    ],
)
def test_spans(start: float, end: float, before: bool, times: tuple[float, float] | None) -> None:
    span = _ring().between(start, end, before=before)
    assert (None if span is None else (span[0][0], span[1][0])) == times


def test_rates_and_gauges() -> None:
    ring = _ring()
    ring.add(50, [(ring.column(GAUGE), 3.0)])
    span = ring.between(0, 50)
    assert span is not None
    found = [(series.family, value) for series, value in ring.readings(span, WANTS)]
    assert found == [(RESPONSES, 0.4), (TCP_OPEN, 3.0)]
    only = ring.between(50, 50)
    assert only is not None
    assert [series.family for series, _ in ring.readings(only, WANTS)] == [TCP_OPEN]


def test_where_nothing_moved_the_row_is_the_last_one() -> None:
    ring = Ring()
    ring.add(0, [(ring.column(COUNTER), 1.0)])
    ring.add(10, [])
    assert ring.rows[0][1] is ring.rows[1][1]


def test_columns_that_stand_still_are_dropped_and_the_others_keep_their_figures() -> None:
    ring = Ring()
    still = [ring.column(Series(RESPONSES, {"direction": "inbound", "n": str(n)})) for n in range(3)]
    ring.add(0, [(still[0], 7.0)])
    column = ring.column(COUNTER)
    ring.add(10, [(column, 5.0)])
    assert ring.keep({still[1]}) == {still[1]: 0, column: 1}
    span = ring.between(0, 10)
    assert span is not None
    assert [value for _, value in ring.readings(span, WANTS)] == [0.0, 0.5]
