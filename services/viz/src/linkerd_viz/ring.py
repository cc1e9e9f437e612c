"""One thing's counters over time, resets taken out: rows of sums that only grow. PURE.

A row holds, for every series, what was counted since the ring began, so the increase between two times is one
subtraction, and a thing that did nothing repeats the row it had. A gauge's column holds its value.
"""

from array import array
from bisect import bisect_left
from collections import deque
from collections.abc import Iterable
from typing import Literal

from linkerd_viz.families import GAUGES, Want
from linkerd_viz.measurements import Reading, Series

Row = tuple[float, bytes]
"""Time, and a figure for each column that there was then, as the array module writes them.

Bytes, as nothing that the garbage collector follows: it would stop a large mesh's answers for half a second.
"""


class Ring:
    """Columns are series; rows are added in order of time. `figure` is the array module's code for a figure.

    Four bytes ("f") hold seven digits of what was counted since the ring was last tidied.
    """

    __slots__ = ("_columns", "_figure", "columns_of", "rows", "series")

    def __init__(self, figure: Literal["d", "f"] = "d") -> None:
        self._figure: Literal["d", "f"] = figure
        self.series: list[Series] = []
        self.columns_of: dict[Want, list[int]] = {}
        """Ascending."""
        self.rows: deque[Row] = deque()
        self._columns: dict[Series, int] = {}

    def column(self, series: Series) -> int:
        """The column of a series, made where there is none."""
        found = self._columns.get(series)
        if found is None:
            found = self._columns[series] = len(self.series)
            self.series.append(series)
            self.columns_of.setdefault(series.want, []).append(found)
        return found

    def add(self, now: float, changes: Iterable[tuple[int, float]]) -> None:
        """A row: the last one, with what was added to columns since."""
        last = self.rows[-1][1] if self.rows else b""
        row: array[float] | None = None
        for column, change in changes:
            if row is None:
                row = self._figures(last, len(self.series))
            row[column] += change
        if row is None and len(last) < len(self.series) * array(self._figure).itemsize:
            row = self._figures(last, len(self.series))
        self.rows.append((now, last if row is None else row.tobytes()))

    def _figures(self, row: bytes, width: int) -> "array[float]":
        """A row's, with zeros for the columns that it does not have."""
        figures = array(self._figure)
        figures.frombytes(row)
        if len(figures) < width:
            figures.frombytes(bytes(figures.itemsize * (width - len(figures))))
        return figures

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
        (begin, before), (end, after) = span
        last = self._figures(after, 0)
        seconds, width = end - begin, len(last)
        first = self._figures(before, width)
        readings, series = list[Reading](), self.series
        for want in wants:
            columns = self.columns_of.get(want, ())
            if columns and columns[-1] >= width:
                columns = columns[: bisect_left(columns, width)]
            if want.family in GAUGES:
                readings += [(series[c], last[c]) for c in columns]
            elif seconds > 0:
                readings += [(series[c], (last[c] - first[c]) / seconds) for c in columns]
        return readings

    def keep(self, columns: set[int]) -> dict[int, int]:
        """Drop all other columns that did not move within the rows; the new numbers of those that are left.

        What counters of the first row had counted is taken from all, so that figures stay small.
        """
        width = len(self.series)
        first, last = self._figures(self.rows[0][1], width), self._figures(self.rows[-1][1], width)
        moved = {column for column in range(width) if last[column] != first[column]}
        kept = sorted(columns | moved)
        rows, series = self.rows, self.series
        self.series, self.columns_of, self._columns = [], {}, {}
        numbers = {old: self.column(series[old]) for old in kept}
        counted = [0.0 if series[c].family in GAUGES else first[c] for c in kept]
        made: dict[int, bytes] = {}
        self.rows = deque()
        for time, row in rows:
            copy = made.get(id(row))
            if copy is None:
                figures = self._figures(row, width)
                left = [figures[c] - base for c, base in zip(kept, counted, strict=True)]
                copy = made[id(row)] = array(self._figure, left).tobytes()
            self.rows.append((time, copy))
        return numbers
