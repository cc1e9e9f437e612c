"""Samples of every pod over the last minutes. PURE: times are arguments, in seconds of one clock.

As Prometheus counts: a counter that falls was reset (its process restarted), and what it shows then was counted since;
scrapes that failed, or that lack a series, are no reset: it goes on where it was, for as long as samples are kept. What
a pod's first scrape shows was counted at a time that nobody knows, and is where counting begins. A series that comes
later began at zero, as the proxy makes it: Prometheus would pass over what it shows first.
"""

from array import array
from collections.abc import Collection, Iterator

from linkerd_contract.exposition import parse_labels
from linkerd_viz.families import GAUGES, Want, project
from linkerd_viz.measurements import PodKey, Reading, Series
from linkerd_viz.pages import Page
from linkerd_viz.ring import Ring
from linkerd_viz.shared import Shared

_SLACK = 64
# Of one pod; histories ask for many windows once.
_KEPT_ANSWERS = 6

Asked = tuple[tuple[Want, ...], float, float]
"""What, and the times of the first and the last scrape."""


class _Pod:
    """The ring, and the last page: its keys, the column of each (-1: not kept), and its values.

    Keys are kept as their 64-bit hashes: their text would be most of the memory. Two series of a page would have to
    share one (once in 10^14 pages of 500) for their counters to be mixed up.
    """

    __slots__ = ("answers", "columns", "failure", "gone", "keys", "ring", "values")

    def __init__(self) -> None:
        self.ring = Ring()
        self.keys = array("q")
        self.answers: dict[Asked, list[Reading]] = {}
        """Readings that were asked for since the last scrape: the mesh is looked at more often than it is scraped."""
        self.columns = array("l")
        self.values: array[float] = array("d")
        self.gone: dict[int, tuple[float, float]] = {}
        """By key, what counters that the last page lacks showed last, and when."""
        self.failure = ""


class Store:
    """`retention_seconds` of scrapes of each pod."""

    def __init__(self, retention_seconds: float) -> None:
        self.retention_seconds = retention_seconds
        self._pods: dict[PodKey, _Pod] = {}
        self._shared = Shared()

    def record(self, key: PodKey, now: float, page: Page) -> None:
        """One scrape. Raises Unreadable, and then keeps nothing of it."""
        pod = self._pods.get(key)
        if pod is None:
            pod = _Pod()
        keys = array("q", map(hash, page.keys))
        if keys != pod.keys:
            changes = self._other_series(pod, now, page, keys)
        else:
            changes = list(_changes(pod, page.values))
        pod.values = array("d", page.values)
        pod.failure = ""
        pod.answers.clear()
        pod.ring.add(now, changes)
        pod.ring.forget_before(now - self.retention_seconds)
        self._pods[key] = pod
        if len(pod.ring.series) > 2 * len(pod.keys) + _SLACK:
            numbers = pod.ring.keep({c for c in pod.columns if c >= 0})
            pod.columns = array("l", [numbers.get(c, -1) for c in pod.columns])
        if self._shared.crowded:
            self._shared.keep(series for pod in self._pods.values() for series in pod.ring.series)

    def _other_series(self, pod: _Pod, now: float, page: Page, keys: "array[int]") -> list[tuple[int, float]]:
        """The changes where series came or went, which are then the pod's."""
        first = not pod.keys and not pod.ring.rows
        known = {k: (c, v) for k, c, v in zip(pod.keys, pod.columns, pod.values, strict=True)}
        kept = [known[h][0] if h in known else self._series(k) for h, k in zip(keys, page.keys, strict=True)]
        columns = array("l", [pod.ring.column(c) if isinstance(c, Series) else -1 if c is None else c for c in kept])
        pod.gone = {key: last for key, last in pod.gone.items() if last[1] >= now - self.retention_seconds}
        changes: list[tuple[int, float]] = []
        for key, column, value in zip(keys, columns, page.values, strict=True):
            if column < 0:
                continue
            gauge = pod.ring.series[column].family in GAUGES
            before = known[key][1] if key in known else pod.gone.pop(key, (0.0, 0.0))[0]
            if gauge or value >= before:
                change = value - before
            else:
                change = value
            if change and (gauge or not first):
                changes.append((column, change))
        present = set(keys)
        for key, (column, value) in known.items():
            if key in present or column < 0:
                continue
            if pod.ring.series[column].family in GAUGES:
                changes.append((column, -value))
            else:
                pod.gone[key] = value, pod.ring.rows[-1][0]
        pod.keys, pod.columns = keys, columns
        return changes

    def _series(self, key: str) -> Series | None:
        family, _, text = key.partition("{")
        labels = project(family, parse_labels(text[:-1]))
        return None if labels is None else self._shared.get(family, labels)

    def fail(self, key: PodKey, reason: str) -> None:
        """A scrape failed; what was measured before stays until it is too old."""
        self._pods.setdefault(key, _Pod()).failure = reason

    def forget_all_but(self, pods: set[PodKey]) -> None:
        """Drop pods that are gone."""
        for key in [k for k in self._pods if k not in pods]:
            del self._pods[key]

    def failure(self, key: PodKey) -> str | None:
        """Why the last scrape failed, "" where it did not; None for a pod that was never scraped."""
        pod = self._pods.get(key)
        return None if pod is None else pod.failure

    def readings(self, key: PodKey, wants: tuple[Want, ...], start: float, end: float) -> list[Reading]:
        """What was measured at a pod within a time."""
        pod = self._pods.get(key)
        span = None if pod is None else pod.ring.between(start, end)
        if pod is None or span is None:
            return []
        asked = (wants, span[0][0], span[1][0])
        answer = pod.answers.get(asked)
        if answer is None:
            answer = pod.ring.readings(span, wants)
            if len(pod.answers) < _KEPT_ANSWERS:
                pod.answers[asked] = answer
        return answer

    def increases(self, wants: Collection[Want], start: float, end: float) -> Iterator[tuple[PodKey, list[Reading]]]:
        """How much every pod's counters rose from the last scrape until `start` to the last one until `end`."""
        for key, pod in self._pods.items():
            span = pod.ring.between(start, end, before=True)
            if span is not None and (seconds := span[1][0] - span[0][0]) > 0:
                yield key, [(s, v * seconds) for s, v in pod.ring.readings(span, wants) if v]


def _changes(pod: _Pod, values: list[float]) -> Iterator[tuple[int, float]]:
    """Of a page with the series of the one before."""
    for index, (old, new) in enumerate(zip(pod.values, values, strict=True)):
        if old != new and (column := pod.columns[index]) >= 0:
            if new > old or pod.ring.series[column].family in GAUGES:
                yield column, new - old
            elif new:
                yield column, new
