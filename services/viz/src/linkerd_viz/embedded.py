"""The measurements that viz keeps itself: pods for minutes, workloads for hours."""

import asyncio
import time
from collections.abc import Callable, Collection, Iterable, Sequence

from linkerd_viz.families import Want
from linkerd_viz.inventory import Inventory, workload_of_pods
from linkerd_viz.measurements import BadWindow, PodKey, Reading, Readings, Window
from linkerd_viz.rollups import ROLLED, SECONDS, Rollups, Workload
from linkerd_viz.store import Store

_STEP_SECONDS = 10.0


def steady_clock() -> Callable[[], float]:
    """Unix seconds that never go back and never jump."""
    offset = time.time() - time.monotonic()
    return lambda: time.monotonic() + offset


class Embedded:
    """`inventory` says which workload a pod is of."""

    def __init__(
        self, store: Store, rollups: Rollups, inventory: Callable[[], Inventory], clock: Callable[[], float]
    ) -> None:
        self._store = store
        self._rollups = rollups
        self._inventory = inventory
        self._rolled = clock()
        self.now = clock

    async def roll(self) -> None:
        """Add a minute to the roll-ups, where one is over; not while pods are recorded."""
        now = self.now()
        if now - self._rolled >= SECONDS:
            increases = self._store.increases(ROLLED, self._rolled, now)
            for _ in self._rollups.adding(now, increases, workload_of_pods(self._inventory())):
                await asyncio.sleep(0)
            self._rolled = now

    async def read(self, pods: Collection[PodKey], wants: Iterable[Want], windows: Sequence[Window]) -> list[Readings]:
        """See Measurements."""
        wants = tuple(wants)
        oldest = self.now() - self._store.retention_seconds
        answers: list[Readings] = []
        workloads: dict[PodKey, Workload] | None = None
        for window in windows:
            start = window.end - window.seconds
            # The first points of a history begin a little before what is kept; pods' are never told by workload.
            if start >= oldest - SECONDS:
                answers.append({pod: r for pod in pods if (r := self._store.readings(pod, wants, start, window.end))})
            else:
                workloads = workloads or _first_pods(pods, workload_of_pods(self._inventory()))
                answers.append(self._rolled_up(workloads, wants, start, window.end))
        return answers

    def _rolled_up(
        self, workloads: dict[PodKey, Workload], wants: Sequence[Want], start: float, end: float
    ) -> dict[PodKey, list[Reading]]:
        return {
            pod: r for pod, workload in workloads.items() if (r := self._rollups.readings(workload, wants, start, end))
        }

    async def failures(self, pods: Collection[PodKey]) -> dict[PodKey, str]:
        """See Measurements."""
        return {pod: reason for pod in pods if (reason := self._store.failure(pod))}

    def check_window(self, seconds: float, *, per_pod: bool) -> None:
        """See Measurements."""
        kept = self._store.retention_seconds if per_pod else self._rollups.retention_seconds
        if seconds > kept:
            what = "for pods and what is told apart by pod" if per_pod else "for workloads"
            raise BadWindow(f"{told(seconds)} is more than the {told(kept)} that is kept {what}")

    def step_seconds(self, window_seconds: float) -> float:
        """See Measurements."""
        return SECONDS if window_seconds > self._store.retention_seconds else _STEP_SECONDS


def _first_pods(pods: Collection[PodKey], workloads: dict[PodKey, Workload]) -> dict[PodKey, Workload]:
    """One of the pods of every workload."""
    found = {workload: pod for pod in pods if (workload := workloads.get(pod)) is not None}
    return {pod: workload for workload, pod in found.items()}


def told(seconds: float) -> str:
    """A duration for people: "6h", "10m", "90s"."""
    for unit, size in (("h", 3600), ("m", 60)):
        if seconds >= size and seconds % size == 0:
            return f"{seconds / size:.0f}{unit}"
    return f"{seconds:g}s"
