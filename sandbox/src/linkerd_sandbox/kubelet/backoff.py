"""Restart back-off as kubelet's: the first restart at once, then 10 s, doubling to 5 minutes. PURE."""

from typing import Final

_FIRST_SECONDS: Final = 10.0
_MAX_SECONDS: Final = 300.0
_FORGET_SECONDS: Final = 600.0


class CrashBackoff:
    """`delay` is asked at each end of a run; a run of 10 minutes makes it forget."""

    def __init__(self) -> None:
        self._next = 0.0

    def delay(self, ran_seconds: float) -> float:
        """How long to wait before the next start."""
        if ran_seconds >= _FORGET_SECONDS:
            self._next = 0.0
        result = self._next
        self._next = min(max(result * 2, _FIRST_SECONDS), _MAX_SECONDS)
        return result
