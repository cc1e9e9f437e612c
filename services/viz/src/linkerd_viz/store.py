"""Samples of every pod over the last minutes, in rings. PURE: times are arguments, in seconds of one clock.

A pod's ring has one slot for each scrape; its series share the slots, NaN where a scrape did not have the series.
A counter that falls was reset (its process restarted): what it shows then was counted since. A series that a scrape
lacks is counted from zero when it comes back: the proxy makes series at zero, and evicts idle ones.
"""

import math
from array import array
from collections.abc import Iterable
from dataclasses import dataclass, field

from linkerd_contract.exposition import Labels, parse_labels

PodKey = tuple[str, str]
"""Namespace and name."""
Sample = tuple[str, str, float]
"""Name, label text, value."""

# Label sets repeat from scrape to scrape and from pod to pod; this bounds what is remembered of them.
_REMEMBERED_LABELS = 200_000


@dataclass(slots=True)
class Series:
    """One series of one pod; `values` has a place for each slot of the pod's ring."""

    name: str
    labels: Labels
    values: "array[float]"
    last_seen: float


@dataclass(slots=True)
class _Ring:
    times: "array[float]"
    next: int = 0
    series: dict[tuple[str, str], Series] = field(default_factory=dict)
    failure: str = ""


@dataclass(frozen=True, slots=True)
class View:
    """One pod over one window: its series, and the slots of its scrapes in order of time."""

    series: list[Series]
    slots: list[int]
    span: float
    """Seconds between the first and the last scrape; 0 with less than two."""

    def increase(self, series: Series) -> float:
        """How much a counter rose, resets taken into account."""
        total = 0.0
        previous: float | None = None
        for slot in self.slots:
            value = series.values[slot]
            if math.isnan(value):
                previous = 0.0
                continue
            if previous is not None:
                total += value - previous if value >= previous else value
            previous = value
        return total

    def latest(self, series: Series) -> float | None:
        """The value in the last scrape, None where that did not have the series."""
        if not self.slots or math.isnan(value := series.values[self.slots[-1]]):
            return None
        return value


_NOTHING = View([], [], 0.0)


class Store:
    """`retention_seconds` of samples, scraped every `interval_seconds` or less often."""

    def __init__(self, retention_seconds: float, interval_seconds: float) -> None:
        self._retention = retention_seconds
        self._slots = max(2, math.ceil(retention_seconds / interval_seconds) + 1)
        self._pods: dict[PodKey, _Ring] = {}
        self._labels: dict[str, Labels] = {}

    def record(self, pod: PodKey, now: float, samples: Iterable[Sample]) -> None:
        """One scrape. Raises Unreadable, and then keeps nothing of it."""
        found = [(name, text, value, self._parsed(text)) for name, text, value in samples]
        ring = self._ring(pod)
        ring.failure = ""
        slot = ring.next
        ring.next = (slot + 1) % self._slots
        ring.times[slot] = now
        for series in ring.series.values():
            series.values[slot] = math.nan
        for name, text, value, labels in found:
            known = ring.series.get((name, text))
            if known is None:
                known = ring.series[name, text] = Series(name, labels, self._empty(), now)
            known.values[slot] = value
            known.last_seen = now
        for key in [k for k, s in ring.series.items() if s.last_seen < now - self._retention]:
            del ring.series[key]

    def fail(self, pod: PodKey, reason: str) -> None:
        """A scrape failed; what was measured before stays until it is too old."""
        self._ring(pod).failure = reason

    def forget_all_but(self, pods: set[PodKey]) -> None:
        """Drop pods that are gone."""
        for key in [k for k in self._pods if k not in pods]:
            del self._pods[key]

    def failure(self, pod: PodKey) -> str | None:
        """Why the last scrape failed, "" where it did not; None for a pod that was never scraped."""
        ring = self._pods.get(pod)
        return None if ring is None else ring.failure

    def view(self, pod: PodKey, now: float, window_seconds: float) -> View:
        """What was measured at a pod within the window that ends now."""
        ring = self._pods.get(pod)
        if ring is None:
            return _NOTHING
        # NaN compares false: slots that were never written drop out.
        slots = [
            slot
            for slot in (*range(ring.next, self._slots), *range(ring.next))
            if now - window_seconds <= ring.times[slot] <= now
        ]
        span = ring.times[slots[-1]] - ring.times[slots[0]] if slots else 0.0
        return View(list(ring.series.values()), slots, span)

    def _ring(self, pod: PodKey) -> _Ring:
        ring = self._pods.get(pod)
        if ring is None:
            ring = self._pods[pod] = _Ring(self._empty())
        return ring

    def _empty(self) -> "array[float]":
        return array("d", [math.nan]) * self._slots

    def _parsed(self, text: str) -> Labels:
        labels = self._labels.get(text)
        if labels is None:
            if len(self._labels) >= _REMEMBERED_LABELS:
                self._labels.clear()
            labels = self._labels[text] = parse_labels(text)
        return labels
