"""Metric families and their series, and the Prometheus text of all of them.

Rules: a series is looked up once per target and then held; the hot path only does `counter.value += 1` or
`histogram.observe(x)`. The number of series is bounded: beyond a family's limit, `labels` hands out one shared series
that is never rendered, and counts that it did. A series that nobody holds and whose value did not change for the idle
time is dropped by `evict` (Linkerd's METRICS_RETAIN_IDLE); the clock is an argument.
"""

import sys
from bisect import bisect_left
from collections.abc import Callable, Iterable
from typing import Generic, Protocol, TypeVar

from linkerd_proxy.telemetry.labels import join, render

MAX_SERIES = 4000
"""Of one family. 4,000 response_total series are about 2 MB here and 1.5 MB per scrape."""

_HELD_BY_FAMILY = 3
"""References to a series that only its family holds: the dict's, the local variable's, getrefcount's own."""


class Counter:
    """A monotonic count. Increment `value` directly."""

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value: float = 0


class Gauge:
    """A value that goes up and down. Set or change `value` directly."""

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value: float = 0


class Histogram:
    """Counts of observations by upper bound (inclusive), and their sum."""

    __slots__ = ("bounds", "counts", "sum")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.sum: float = 0.0

    def observe(self, value: float) -> None:
        """Count one observation."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.sum += value

    def add(self, other: "Histogram") -> None:
        """Take another one's observations in; its bounds are the same."""
        for i, count in enumerate(other.counts):
            self.counts[i] += count
        self.sum += other.sum

    @property
    def count(self) -> int:
        """Of all observations."""
        return sum(self.counts)


S = TypeVar("S")
V = TypeVar("V", Counter, Gauge)
Key = tuple[str, ...]


class AnyFamily(Protocol):
    """What the registry needs of a family."""

    name: str

    def write(self, out: list[str]) -> None: ...

    def evict(self, now: float, retain: float) -> int: ...


def _nothing(_base: str, _child: object) -> None:
    pass


class _Series(Generic[S]):
    """The series of one family by label set, with the limit and the eviction."""

    def __init__(self, family: "Names", make: Callable[[], S], overflow: Callable[[str], None]) -> None:
        self.name, self.help, self.kind, self._label_names = family
        self._make: Callable[[], S] = make
        self._overflow = overflow
        self._spill: S | None = None
        self._children: dict[Key, S] = {}
        self._text: dict[Key, str] = {}
        self._seen: dict[Key, tuple[float, float]] = {}
        self.limit = MAX_SERIES
        self.on_evicted: Callable[[str, S], None] = _nothing
        """Hears the base label set of a series that is dropped, and the series."""

    def labels(self, *values: str, base: str = "") -> S:
        """The series with these values of the family's labels, after the label set `base` (see labels.render)."""
        key = (base, *values)
        child = self._children.get(key)
        return child if child is not None else self._add(key)

    def peek(self, *key: str) -> S | None:
        """The series of a base label set and values of the family's labels, where there is one."""
        return self._children.get(key)

    def _add(self, key: Key) -> S:
        base, *values = key
        if len(values) != len(self._label_names):
            raise TypeError(f"{self.name} takes {len(self._label_names)} label values, not {len(values)}")
        if len(self._children) >= self.limit:
            self._overflow(self.name)
            if self._spill is None:
                self._spill = self._make()
            return self._spill
        child = self._children[key] = self._make()
        self._text[key] = join(base, render(zip(self._label_names, values, strict=True)))
        return child

    def __len__(self) -> int:
        return len(self._children)

    def evict(self, now: float, retain: float) -> int:
        """Drop what nobody holds and what did not change for `retain` seconds. How many were dropped."""
        dropped = 0
        for key in list(self._children):
            child = self._children[key]
            state = self._state(child)
            before = self._seen.get(key)
            if before is None or before[0] != state or sys.getrefcount(child) > _HELD_BY_FAMILY:
                self._seen[key] = (state, now)
            elif now - before[1] >= retain:
                del self._children[key], self._text[key], self._seen[key]
                self.on_evicted(key[0], child)
                dropped += 1
        return dropped

    def _state(self, child: S) -> float:
        raise NotImplementedError

    def _header(self, out: list[str]) -> None:
        out.append(f"# HELP {self.name} {self.help}\n# TYPE {self.name} {self.kind}\n")


Names = tuple[str, str, str, tuple[str, ...]]
"""Name, help, type, label names."""


class Family(_Series[V]):
    """Counters or gauges."""

    def write(self, out: list[str]) -> None:
        """Append the text; nothing where there is no series."""
        if not self._children:
            return
        self._header(out)
        name, text = self.name, self._text
        out.extend(
            [
                f"{name}{{{text[key]}}} {number(child.value)}\n" if text[key] else f"{name} {number(child.value)}\n"
                for key, child in self._children.items()
            ]
        )

    def _state(self, child: V) -> float:
        return child.value


class HistogramFamily(_Series[Histogram]):
    """Histograms of one set of bounds (without +Inf, which is always there)."""

    def __init__(self, family: Names, bounds: Iterable[float], overflow: Callable[[str], None]) -> None:
        self.bounds = tuple(float(bound) for bound in bounds)
        super().__init__(family, lambda: Histogram(self.bounds), overflow)
        self._le = upper_bounds(self.bounds)

    def write(self, out: list[str]) -> None:
        """Append the text; nothing where there is no series."""
        if not self._children:
            return
        self._header(out)
        for key, child in self._children.items():
            write_histogram(out, self.name, self._text[key], self._le, child)

    def _state(self, child: Histogram) -> float:
        return child.count


def upper_bounds(bounds: Iterable[float]) -> list[str]:
    """The label le of each bucket."""
    return [*[f'le="{number(bound)}"' for bound in bounds], 'le="+Inf"']


def write_histogram(out: list[str], name: str, labels: str, le: list[str], histogram: Histogram) -> None:
    """Append the samples of one histogram; `le` as upper_bounds makes it."""
    stem = f"{name}_bucket{{{labels}{',' if labels else ''}"
    total = 0
    for bound, count in zip(le, histogram.counts, strict=True):
        total += count
        out.append(f"{stem}{bound}}} {total}\n")
    tail = f"{{{labels}}}" if labels else ""
    out.append(f"{name}_count{tail} {total}\n{name}_sum{tail} {number(histogram.sum)}\n")


def number(value: float) -> str:
    """A sample's value: whole numbers without a fraction."""
    return str(int(value)) if value == value // 1 and abs(value) < 2**63 else repr(value)


class Registry:
    """All families of the process, in the order of their making."""

    def __init__(self) -> None:
        self._families: dict[str, AnyFamily] = {}
        self._collectors: list[Callable[[], str]] = []
        self._dropped: Family[Counter] = self.counter(
            "proxy_metrics_series_dropped_total", "Look-ups of series beyond the limit of a family.", ("family",)
        )

    def counter(self, name: str, help: str, label_names: Iterable[str] = ()) -> Family[Counter]:
        """A family of counters. Raises ValueError for a name that is taken."""
        return self.add(Family((name, help, "counter", tuple(label_names)), Counter, self.overflow))

    def gauge(self, name: str, help: str, label_names: Iterable[str] = ()) -> Family[Gauge]:
        """A family of gauges."""
        return self.add(Family((name, help, "gauge", tuple(label_names)), Gauge, self.overflow))

    def histogram(
        self, name: str, help: str, bounds: Iterable[float], label_names: Iterable[str] = ()
    ) -> HistogramFamily:
        """A family of histograms with these upper bounds, rising, without +Inf."""
        return self.add(HistogramFamily((name, help, "histogram", tuple(label_names)), bounds, self.overflow))

    def add(self, family: "F") -> "F":
        """Take a family in that was made elsewhere. Raises ValueError for a name that is taken."""
        if family.name in self._families:
            raise ValueError(f"metric {family.name} is declared twice")
        self._families[family.name] = family
        return family

    def overflow(self, name: str) -> None:
        """A series of that family was asked for beyond its limit."""
        self._dropped.labels(name).value += 1

    def collect(self, collector: Callable[[], str]) -> None:
        """Add text that is made at every rendering (process metrics)."""
        self._collectors.append(collector)

    def render(self) -> bytes:
        """The text of all families, ending in `# EOF`."""
        out: list[str] = []
        for family in self._families.values():
            family.write(out)
        out.extend([collector() for collector in self._collectors])
        out.append("# EOF\n")
        return "".join(out).encode()

    def evict(self, now: float, retain: float) -> int:
        """Drop idle series of all families; `now` and `retain` in seconds. How many were dropped."""
        return sum(family.evict(now, retain) for family in self._families.values())


F = TypeVar("F", bound=AnyFamily)
