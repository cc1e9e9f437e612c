"""Series that are alike, as one object: their labels would be most of the memory. PURE."""

from collections.abc import Callable, Iterable

from linkerd_contract.exposition import Labels
from linkerd_viz.measurements import Series

_FEW = 256


class Shared:
    """`used` tells the series that are in use: pods come and go, and with them the labels that name them.

    Those that are in use no more are dropped when they may be half of all.
    """

    def __init__(self, used: Callable[[], Iterable[Series]]) -> None:
        self._used = used
        self._series: dict[tuple[str, ...], Series] = {}
        self._most = _FEW

    def __len__(self) -> int:
        return len(self._series)

    def get(self, family: str, labels: Labels) -> Series:
        """The one of a family and labels; made where there is none."""
        identity = (family, *(part for pair in labels.items() for part in pair))
        series = self._series.get(identity)
        if series is None:
            if len(self._series) >= self._most:
                used = set(self._used())
                self._series = {key: known for key, known in self._series.items() if known in used}
                self._most = max(_FEW, 2 * len(self._series))
            series = self._series[identity] = Series(family, labels)
        return series
