"""Traffic of workload pairs, minute by minute, for hours. PURE.

A pair is a workload and the one it calls (its outbound side), or a workload and its callers together (its inbound
side). What tells pods, clients, routes and policies apart is added up. Bounded twice: by time, and by a number of
figures beyond which the oldest minutes go first.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from linkerd_viz.families import INBOUND_FIGURES, OUTBOUND_FIGURES, TCP_OPEN, Want
from linkerd_viz.families import WORKLOAD_KINDS as KINDS
from linkerd_viz.measurements import PodKey, Reading, Series
from linkerd_viz.ring import Ring
from linkerd_viz.shared import Shared

Workload = tuple[str, str, str]
"""Kind, namespace, name."""

SECONDS = 60.0
# 120 MB.
_FIGURE_BYTES = 4
MAX_FIGURES = 30_000_000
# Every so many minutes, series of what is no longer called are dropped.
_TIDY_EVERY = 60

ROLLED = tuple(want for want in (*INBOUND_FIGURES, *OUTBOUND_FIGURES) if want.family != TCP_OPEN)
_KEPT = frozenset(
    {"direction", "peer", "classification", "le", "tls", "server_id", "no_tls_reason", "dst_namespace", "dst_service"}
    | {f"dst_{kind}" for kind in KINDS if kind not in ("pod", "replicaset")}
)


class Rollups:
    """`retention_seconds` of minutes."""

    def __init__(self, retention_seconds: float, max_figures: int = MAX_FIGURES) -> None:
        self.retention_seconds = retention_seconds
        self._max_figures = max_figures
        self._rings: dict[Workload, Ring] = {}
        self._shared = Shared()
        self._coarse: dict[Series, Series] = {}
        self._added = 0

    def add(self, now: float, increases: Iterable[tuple[PodKey, list[Reading]]], of: Mapping[PodKey, Workload]) -> None:
        """A minute's increases of pods' counters; `of` says which workload a pod is of."""
        for _ in self.adding(now, increases, of):
            pass

    def adding(
        self, now: float, increases: Iterable[tuple[PodKey, list[Reading]]], of: Mapping[PodKey, Workload]
    ) -> Iterator[None]:
        """The same in small steps: a thousand pods take longer than whoever asks meanwhile should wait."""
        self._coarse.clear()
        sums: dict[Workload, dict[Series, float]] = {workload: {} for workload in self._rings}
        for pod, readings in increases:
            workload = of.get(pod)
            if workload is None:
                continue
            found = sums.setdefault(workload, {})
            for series, value in readings:
                coarse = self._coarse.get(series) or self._coarsen(series)
                found[coarse] = found.get(coarse, 0.0) + value
            yield
        for workload, changes in sums.items():
            ring = self._rings.get(workload)
            if ring is None:
                ring = self._rings[workload] = Ring("f")
                # Counted from zero a minute ago: without this row, the first minute would have no beginning.
                ring.add(now - SECONDS, ())
            ring.add(now, [(ring.column(series), value) for series, value in changes.items()])
            yield
        self._forget(now)
        self._added += 1
        # A part of them each minute: all at once, the hours of a large mesh take a second.
        for index, ring in enumerate([*self._rings.values()]):
            if (self._added + index) % _TIDY_EVERY == 0:
                ring.keep(set())
                yield
        if self._shared.crowded:
            self._shared.keep(series for ring in self._rings.values() for series in ring.series)

    def _coarsen(self, series: Series) -> Series:
        labels = {name: value for name, value in series.labels.items() if name in _KEPT}
        coarse = self._coarse[series] = self._shared.get(series.family, labels)
        return coarse

    def _forget(self, now: float) -> None:
        for ring in self._rings.values():
            ring.forget_before(now - self.retention_seconds)
        figures = sum(_figures(ring) for ring in self._rings.values())
        while figures > self._max_figures:
            oldest = min(ring.rows[0][0] for ring in self._rings.values())
            for ring in self._rings.values():
                ring.forget_before(oldest + 1)
            figures = sum(_figures(ring) for ring in self._rings.values())
        for workload in [w for w, ring in self._rings.items() if _silent(ring)]:
            del self._rings[workload]

    def readings(self, workload: Workload, wants: Sequence[Want], start: float, end: float) -> list[Reading]:
        """What was counted at a workload within a time."""
        ring = self._rings.get(workload)
        span = None if ring is None else ring.between(start, end, before=True)
        return [] if ring is None or span is None else ring.readings(span, wants)


def _figures(ring: Ring) -> int:
    """Figures of the rows that are not another's."""
    return sum(len(row) for row in {id(row): row for _, row in ring.rows}.values()) // _FIGURE_BYTES


def _silent(ring: Ring) -> bool:
    """Whether nothing was counted in all the time that is kept."""
    return not ring.rows or (len(ring.rows) > 1 and ring.rows[0][1] is ring.rows[-1][1])
