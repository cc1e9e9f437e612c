"""One thing's counters over time, resets taken out: rows of sums that only grow. PURE.

A row holds, for every series, what was counted since the ring began, so the increase between two times is one
subtraction, and a thing that did nothing repeats the row it had. A gauge's column holds its value.
"""

from array import array
from bisect import bisect_left
from collections import deque
from collections.abc import Iterable
from typing import Literal

from linkerd_viz.families import GAUGES, Want, want_of
from linkerd_viz.measurements import Reading, Series

Row = tuple[float, "array[float]"]
"""Time, and a value for each column that there was then."""


class Ring:
    """Columns are series; rows are added in order of time. `figure` is the array module's code for a figure.

    Four bytes ("f") hold seven digits of what was counted since the ring was last tidied.
    """

    __slots__ = ("_columns", "_figure", "columns_of", "rows", "series")

    def __init__(self, figure: Literal["d", "f"] = "d") -> None:
        self._figure: Literal["d", "f"] = figure
        self.series: list[Series] = []
        self.columns_of: dict[Want, tuple[list[int], list[Series]]] = {}
        """Ascending, and the series of each."""
        self.rows: deque[Row] = deque()
        self._columns: dict[Series, int] = {}

    def column(self, series: Series) -> int:
        """The column of a series, made where there is none."""
        found = self._columns.get(series)
        if found is None:
            found = self._columns[series] = len(self.series)
            self.series.append(series)
            columns, of = self.columns_of.setdefault(want_of(series.family, series.labels), ([], []))
            columns.append(found)
            of.append(series)
        return found

    def add(self, now: float, changes: Iterable[tuple[int, float]]) -> None:
        """A row: the last one, with what was added to columns since."""
        last = self.rows[-1][1] if self.rows else None
        row = last
        for column, change in changes:
            if row is last or row is None:
                row = self._copy(last)
            row[column] += change
        if row is None or len(row) < len(self.series):
            row = self._copy(row)
        self.rows.append((now, row))

    def _copy(self, row: "array[float] | None") -> "array[float]":
        copy = array(self._figure, row or ())
        copy.frombytes(bytes(copy.itemsize * (len(self.series) - len(copy))))
        return copy

    def forget_before(self, time: float) -> None:
        """Drop rows that are older."""
        while self.rows and self.rows[0][0] < time:
            self.rows.popleft()

    def between(self, start: float, end: float, *, before: bool = False) -> tuple[Row, Row] | None:
        """The first and the last row of a time; with `before`, the first is the last one until `start`, if any."""
        first = last = None
        for row in reversed(self.rows):
            if row[0] > end:
                continue
            last = last or row
            if row[0] < start and not before:
                break
            first = row
            if row[0] <= start:
                break
        return None if first is None or last is None or last[0] < start else (first, last)

    def readings(self, span: tuple[Row, Row], wants: Iterable[Want]) -> list[Reading]:
        """Rates between two rows, and gauges at the second; of one row alone only gauges."""
        (begin, first), (end, last) = span
        seconds, width = end - begin, len(last)
        if len(first) < width:
            first = first + array(self._figure, bytes(first.itemsize * (width - len(first))))
        readings: list[Reading] = []
        for want in wants:
            columns, series = self.columns_of.get(want, ((), ()))
            if columns and columns[-1] >= width:
                columns = columns[: bisect_left(columns, width)]
            if want.family in GAUGES:
                readings += zip(series, [last[column] for column in columns], strict=False)
            elif seconds > 0:
                rates = [(last[column] - first[column]) / seconds for column in columns]
                readings += zip(series, rates, strict=False)
        return readings

    def keep(self, columns: set[int]) -> dict[int, int]:
        """Drop all other columns that did not move within the rows; the new numbers of those that are left.

        What counters of the first row had counted is taken from all, so that figures stay small.
        """
        first, last = self.rows[0][1], self.rows[-1][1]
        moved = {c for c, v in enumerate(last) if v != (first[c] if c < len(first) else 0.0)}
        kept = sorted(columns | moved)
        rows, series = self.rows, self.series
        self.series, self.columns_of, self._columns = [], {}, {}
        numbers = {old: self.column(series[old]) for old in kept}
        counted = [first[c] if c < len(first) and series[c].family not in GAUGES else 0.0 for c in kept]
        made: dict[int, array[float]] = {}
        self.rows = deque()
        for time, row in rows:
            copy = made.get(id(row))
            if copy is None:
                copy = made[id(row)] = array(
                    self._figure,
                    [row[c] - base if c < len(row) else 0.0 for c, base in zip(kept, counted, strict=True)],
                )
            self.rows.append((time, copy))
        return numbers
