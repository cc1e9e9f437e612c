"""Series that are alike, as one object: their labels would be most of the memory. PURE."""

from collections.abc import Iterable

from linkerd_contract.exposition import Labels
from linkerd_viz.measurements import Series

_FEW = 256


class Shared:
    """Pods come and go, and with them the labels that name them: when it is `crowded`, tell it what is in use."""

    def __init__(self) -> None:
        self._series: dict[tuple[str, ...], Series] = {}
        self._most = _FEW

    def __len__(self) -> int:
        return len(self._series)

    def get(self, family: str, labels: Labels) -> Series:
        """The one of a family and labels; made where there is none."""
        identity = (family, *(part for pair in labels.items() for part in pair))
        series = self._series.get(identity)
        if series is None:
            series = self._series[identity] = Series(family, labels)
        return series

    @property
    def crowded(self) -> bool:
        """Whether half of all may be in use no more."""
        return len(self._series) >= self._most

    def keep(self, used: Iterable[Series]) -> None:
        """Drop all others. Not while some are held that are not in use yet: they would be made a second time."""
        wanted = set(used)
        self._series = {identity: series for identity, series in self._series.items() if series in wanted}
        self._most = max(_FEW, 2 * len(self._series))
