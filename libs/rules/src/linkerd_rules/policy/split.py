"""Splitting a route's traffic over its backends by weight.

A backend that can take nothing now has its weight zeroed for that choice (Linkerd's RandomAvailable); where that
leaves none, the choice is by weight among all, and the request waits in the chosen one's queue.
"""

from bisect import bisect_right
from collections.abc import Callable
from itertools import accumulate

from linkerd_contract.outbound import WeightedBackend


class Split:
    """The weighted backends of one route. `only` is the reference where there is no choice to make."""

    __slots__ = ("_refs", "_total", "_totals", "_weights", "only")

    def __init__(self, backends: list[WeightedBackend]) -> None:
        live = [backend for backend in backends if backend.weight > 0]
        self._refs = [backend.ref for backend in live]
        self._weights = [backend.weight for backend in live]
        self._totals = list(accumulate(self._weights))
        self._total = self._totals[-1] if self._totals else 0
        self.only = self._refs[0] if len(live) == 1 else None

    @property
    def refs(self) -> list[str]:
        """All backends that get traffic."""
        return list(self._refs)

    def pick(self, random: float, available: Callable[[str], bool]) -> str | None:
        """A backend for a uniform `random` in [0, 1); None where there is none, or all weights are 0."""
        if self.only is not None or not self._refs:
            return self.only
        chosen = self._refs[bisect_right(self._totals, random * self._total)]
        if available(chosen):
            return chosen
        usable = [(ref, weight) for ref, weight in zip(self._refs, self._weights, strict=True) if available(ref)]
        if not usable:
            return chosen
        totals = list(accumulate(weight for _, weight in usable))
        return usable[bisect_right(totals, random * totals[-1])][0]
