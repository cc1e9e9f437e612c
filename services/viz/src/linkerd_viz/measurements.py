"""What every answer is computed from, wherever it is kept: one interface over the embedded store and Prometheus."""

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import msgspec

from linkerd_contract.exposition import Labels
from linkerd_viz.families import Want, want_of

PodKey = tuple[str, str]
"""Namespace and name."""


_NOTHING = Want("")


class Series(msgspec.Struct, eq=False, gc=False):
    """A family and the labels that are kept of it. Pods whose series are alike share one.

    Nothing that the garbage collector follows, so that it passes over the readings of an answer too.
    """

    family: str
    labels: Labels
    failed: bool = False
    """Whether it counts what is classified as a failure; as all that follows, told from the labels."""
    want: Want = _NOTHING
    """What it answers to."""
    bound: float = math.nan
    """A histogram's bucket's upper bound; NaN where there is none."""

    def __post_init__(self) -> None:
        self.failed = self.labels.get("classification") == "failure"
        self.want = want_of(self.family, self.labels)
        self.bound = _bound(self.labels.get("le", "nan"))


def _bound(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


Reading = tuple[Series, float]
"""A series over a window: a counter's rate per second, a gauge's last value. A plain tuple: an answer has 100,000."""
Readings = Mapping[PodKey, Sequence[Reading]]


@dataclass(frozen=True, slots=True)
class Window:
    """`seconds` that end at `end` (Unix seconds)."""

    end: float
    seconds: float


class Unavailable(Exception):
    """The measurements cannot be had; the message says from where, and why."""


class BadWindow(ValueError):
    """What was asked for is not kept that long; the message says what is."""


class Measurements(Protocol):
    """Where measurements come from."""

    def now(self) -> float:
        """The time that windows end at, in Unix seconds."""

    async def read(self, pods: Collection[PodKey], wants: Iterable[Want], windows: Sequence[Window]) -> list[Readings]:
        """The readings of pods, one answer for each window; pods that were not measured are missing.

        Beyond the time that pods are kept, a workload's readings stand under one of its pods. Raises Unavailable,
        BadWindow.
        """

    async def failures(self, pods: Collection[PodKey]) -> dict[PodKey, str]:
        """Why pods are not measured now, for those that are not. Raises Unavailable."""

    def check_window(self, seconds: float, *, per_pod: bool) -> None:
        """Raises BadWindow where that much is not kept; `per_pod`: the answer needs single pods."""

    def step_seconds(self, window_seconds: float) -> float:
        """The smallest sensible step of a history over a window."""
