"""Sums of readings, and the figures that answers show. PURE.

What was not measured is None, never zero: no series at all, less than two scrapes, no request to judge.
"""

from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from typing import TypeVar

from linkerd_contract.exposition import Labels
from linkerd_viz.families import (
    LATENCY,
    RESPONSES,
    ROUTE_ACTUAL,
    ROUTE_LATENCY,
    ROUTE_RESPONSES,
    TCP_OPEN,
    TCP_READ,
    TCP_WRITE,
)
from linkerd_viz.inventory import Group
from linkerd_viz.measurements import Reading, Readings, Series
from linkerd_viz.quantile import histogram_quantile

K = TypeVar("K", bound=Hashable)
_LATENCIES = frozenset({LATENCY, ROUTE_LATENCY})


@dataclass(slots=True)
class Figures:
    """Rates per second, summed; `buckets` are rates by upper bound in milliseconds. Attempts: routes' only."""

    successes: float = 0.0
    failures: float | None = None
    actual_successes: float = 0.0
    actual_failures: float | None = None
    open: float | None = None
    read: float | None = None
    written: float | None = None
    buckets: dict[float, float] | None = None

    def add(self, reading: Reading) -> None:
        """One series. `failures` is a number from the first response series on."""
        series, value = reading
        family = series.family
        if family in _LATENCIES:
            if self.buckets is None:
                self.buckets = {}
            self.buckets[series.bound] = self.buckets.get(series.bound, 0.0) + value
        elif family in (RESPONSES, ROUTE_RESPONSES):
            failed = series.failed
            self.failures = (self.failures or 0.0) + (value if failed else 0.0)
            self.successes += 0.0 if failed else value
        elif family == ROUTE_ACTUAL:
            failed = series.failed
            self.actual_failures = (self.actual_failures or 0.0) + (value if failed else 0.0)
            self.actual_successes += 0.0 if failed else value
        elif family == TCP_OPEN:
            self.open = (self.open or 0.0) + value
        elif family == TCP_READ:
            self.read = (self.read or 0.0) + value
        elif family == TCP_WRITE:
            self.written = (self.written or 0.0) + value

    @property
    def rps(self) -> float | None:
        """Responses per second."""
        return None if self.failures is None else self.successes + self.failures

    @property
    def success(self) -> float | None:
        """Successes of all that were answered, 0-1."""
        return _share(self.successes, self.failures)

    @property
    def actual_rps(self) -> float | None:
        """Attempts per second."""
        return None if self.actual_failures is None else self.actual_successes + self.actual_failures

    @property
    def actual_success(self) -> float | None:
        """Attempts that succeeded, of all, 0-1."""
        return _share(self.actual_successes, self.actual_failures)

    def quantile(self, q: float) -> float | None:
        """Of the latency, in milliseconds."""
        return None if self.buckets is None else histogram_quantile(q, self.buckets)

    @property
    def quantiles(self) -> tuple[float | None, float | None, float | None]:
        """p50, p95, p99."""
        return self.quantile(0.5), self.quantile(0.95), self.quantile(0.99)


def _share(good: float, bad: float | None) -> float | None:
    total = good + (bad or 0.0)
    return good / total if total > 0 else None


def summed(pods: Iterable[Iterable[Reading]]) -> list[Reading]:
    """Readings of several pods, added up by series: those of a workload share most, and are then looked at once."""
    sums: dict[Series, float] = {}
    for readings in pods:
        for series, value in readings:
            sums[series] = sums.get(series, 0.0) + value
    return [*sums.items()]


def of_group(group: Group, readings: Readings) -> list[Reading]:
    """What the pods of a resource measured together."""
    return summed(readings[key] for pod in group.meshed if (key := pod.metadata.key) in readings)


def total(readings: Iterable[Reading]) -> Figures:
    """Everything added up."""
    figures = Figures()
    for reading in readings:
        figures.add(reading)
    return figures


def by(key_of: Callable[[Labels], K | None], readings: Iterable[Reading]) -> dict[K, Figures]:
    """Added up by a key of the labels; where it is None, the reading does not count."""
    found: dict[K, Figures] = {}
    for reading in readings:
        key = key_of(reading[0].labels)
        if key is not None:
            figures = found.get(key)
            if figures is None:
                figures = found[key] = Figures()
            figures.add(reading)
    return found
