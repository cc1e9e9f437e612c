"""Requests and responses, counted once, for all families that tell of them.

Linkerd has older and newer families for the same events, under other labels and buckets. Here an event is counted in
one Cell, the finest of all groupings, with buckets that hold those of all families; each family is summed up from the
cells when metrics are rendered (views.py). The hot path does `cell.requests += 1`, and for a response
`counts[bisect_left(BOUNDS_MS, ms)] += 1`
on a Responses that it holds.

Cells are bounded and evicted like other series (registry.py). What an evicted cell had counted stays in the sums of
which other cells are left: a counter that fell would be taken for a restart.
"""

import sys
from bisect import bisect_left
from collections.abc import Callable, Mapping
from typing import NamedTuple, Protocol

from linkerd_proxy.errors import ProxyError
from linkerd_proxy.telemetry.registry import Histogram

_DECADES = (1, 10, 100, 1000, 10_000)
LATENCY_MS = tuple(decade * step for decade in _DECADES for step in (1, 2, 3, 4, 5))
"""Linkerd's response latency buckets: 1-5 ms, 10-50 ms … 10-50 s."""
BOUNDS_MS = tuple(sorted({*LATENCY_MS, 25, 250}))
"""With those of the newer families, which count in seconds."""
FRAME_BYTES = (128.0, 1024.0, 10_240.0)
"""Linkerd's buckets of frame_size_bytes."""
MAX_CELLS = 4000
MAX_ENDINGS = 256
"""Of one cell; what peers invent beyond Linkerd's labels is one of them already."""
_HELD_BY_BOOK = 3
"""References to a cell that only the book holds: the dict's, the local variable's, getrefcount's own."""


class Ending(NamedTuple):
    """How a request ended. `status` 0: without a head; -1 (and so of `grpc_status`): one that no RFC knows.

    `error` is the label of the older families ("i/o"), `cause` that of the newer ones ("IO"); empty without an error.
    """

    status: int
    success: bool
    grpc_status: int | None = None
    error: str = ""
    cause: str = ""


class Responses:
    """Responses that ended alike: from the request's head to the response's end, in milliseconds."""

    __slots__ = ("counts", "late", "sum")

    def __init__(self) -> None:
        self.counts = [0] * (len(BOUNDS_MS) + 1)
        self.sum = 0.0
        self.late: Late | None = None

    def observe(self, request_ms: float, response_ms: float | None = None) -> None:
        """Count one. `response_ms`: from the request's end, where that came after its head."""
        self.counts[bisect_left(BOUNDS_MS, request_ms)] += 1
        self.sum += request_ms
        if response_ms is not None:
            self.body(request_ms, response_ms)

    def body(self, request_ms: float, response_ms: float) -> None:
        """A request that was counted had a body: how long its response took after it."""
        late = self.late
        if late is None:
            late = self.late = Late()
        index = bisect_left(BOUNDS_MS, response_ms)
        late.moved[bisect_left(BOUNDS_MS, request_ms)] -= 1
        late.moved[index] += 1
        late.sum += response_ms - request_ms

    def since_request_end(self) -> tuple[list[int], float]:
        """Counts and sum by the time from the request's end."""
        late = self.late
        if late is None:
            return self.counts, self.sum
        return [count + moved for count, moved in zip(self.counts, late.moved, strict=True)], self.sum + late.sum

    def add(self, other: "Responses") -> None:
        """Take the other's counts in."""
        _add(self.counts, other.counts)
        self.sum += other.sum
        if other.late is not None:
            if self.late is None:
                self.late = Late()
            _add(self.late.moved, other.late.moved)
            self.late.sum += other.late.sum


class Late:
    """By how much counts differ when time runs from the request's end instead of its head."""

    __slots__ = ("moved", "sum")

    def __init__(self) -> None:
        self.moved = [0] * (len(BOUNDS_MS) + 1)
        self.sum = 0.0


def _add(to: list[int], counts: list[int]) -> None:
    for i, count in enumerate(counts):
        to[i] += count


class Cell:
    """Requests that differ in nothing but how they ended, and the sizes of the pieces in which their bodies passed."""

    __slots__ = ("_endings", "request_frames", "requests", "response_frames")

    def __init__(self) -> None:
        self.requests = 0
        self.request_frames = Histogram(FRAME_BYTES)
        self.response_frames = Histogram(FRAME_BYTES)
        self._endings: dict[Ending, Responses] = {}

    def responses(
        self, status: int, success: bool, grpc_status: int | None = None, error: ProxyError | None = None
    ) -> Responses:
        """The responses that end so; to be held where it is a usual end."""
        code = status if status == 0 or 100 <= status <= 599 else -1
        grpc = grpc_status if grpc_status is None or 0 <= grpc_status <= 16 else -1
        ending = Ending(code, success, grpc) if error is None else Ending(code, success, grpc, error.label, error.cause)
        found = self._endings.get(ending)
        if found is None:
            if len(self._endings) >= MAX_ENDINGS:
                ending = Ending(-1, success)
            found = self._endings.setdefault(ending, Responses())
        return found

    def endings(self) -> list[tuple[Ending, Responses]]:
        """All endings so far."""
        return list(self._endings.items())

    def add(self, other: "Cell") -> None:
        """Take the other's counts in."""
        self.requests += other.requests
        self.request_frames.add(other.request_frames)
        self.response_frames.add(other.response_frames)
        for ending, responses in other.endings():
            self._endings.setdefault(ending, Responses()).add(responses)

    def events(self) -> int:
        """Grows with everything that is counted."""
        return self.requests + sum(sum(responses.counts) for responses in self._endings.values())


Place = tuple[str, str]
"""The name of a view, and the label set under which a cell appears there."""
Group = tuple[str, str, bool]
"""View, labels, gRPC or not."""


class View(Protocol):
    """Families that are made of the same sums."""

    def write(self, out: list[str], sums: Mapping[tuple[str, bool], Cell]) -> None:
        """Append their text. Keys: label set, and whether it is of gRPC requests."""


class Book:
    """All cells of one proxy. In the registry it stands for all families of its views."""

    name = "request_total"

    def __init__(self, views: Mapping[str, View], overflow: Callable[[str], None] = lambda _name: None) -> None:
        """`overflow` hears of look-ups beyond the limit."""
        self._views = views
        self._overflow = overflow
        self._cells: dict[tuple[tuple[Place, ...], bool], Cell] = {}
        self._evicted: dict[Group, Cell] = {}
        self._seen: dict[tuple[tuple[Place, ...], bool], tuple[int, float]] = {}
        self._spill = Cell()
        self.limit = MAX_CELLS

    def __len__(self) -> int:
        return len(self._cells)

    def cell(self, *places: Place, grpc: bool) -> Cell:
        """The cell that counts in these places. Beyond the limit, one that is never rendered."""
        key = (places, grpc)
        found = self._cells.get(key)
        if found is None:
            if len(self._cells) >= self.limit:
                self._overflow(self.name)
                return self._spill
            found = self._cells[key] = Cell()
        return found

    def write(self, out: list[str]) -> None:
        """Append the text of all views."""
        sums: dict[str, dict[tuple[str, bool], Cell]] = {name: {} for name in self._views}
        for (places, grpc), cell in self._cells.items():
            for view, labels in places:
                total = sums[view].get((labels, grpc))
                if total is None:
                    total = sums[view][labels, grpc] = Cell()
                    evicted = self._evicted.get((view, labels, grpc))
                    if evicted is not None:
                        total.add(evicted)
                total.add(cell)
        for name, view_ in self._views.items():
            view_.write(out, sums[name])

    def evict(self, now: float, retain: float) -> int:
        """Drop what nobody holds and what did not change for `retain` seconds. How many were dropped."""
        dropped = []
        for key in list(self._cells):
            cell = self._cells[key]
            events = cell.events()
            before = self._seen.get(key)
            if before is None or before[0] != events or sys.getrefcount(cell) > _HELD_BY_BOOK:
                self._seen[key] = (events, now)
            elif now - before[1] >= retain:
                del self._cells[key], self._seen[key]
                dropped.append((key, cell))
        if dropped:
            self._keep(dropped)
        return len(dropped)

    def _keep(self, dropped: list[tuple[tuple[tuple[Place, ...], bool], Cell]]) -> None:
        """What the dropped cells counted, in the sums to which others still add."""
        left = {(view, labels, grpc) for (places, grpc) in self._cells for view, labels in places}
        for (places, grpc), cell in dropped:
            for view, labels in places:
                group = (view, labels, grpc)
                if group in left:
                    self._evicted.setdefault(group, Cell()).add(cell)
        for group in [group for group in self._evicted if group not in left]:
            del self._evicted[group]
