"""All timeouts of the data path: timers grouped by coarse deadline, one loop timer for the earliest group.

Starting and cancelling a timer is a dictionary look-up and an append, without a heap operation or a loop handle per
request; a cancelled timer is dropped when its group comes up. Timers fire up to TICK late, never early.
"""

import asyncio
import heapq
from collections.abc import Callable
from math import ceil

TICK = 0.01
"""Seconds. A hundred-millisecond connect timeout may be 10 % late."""


class Timer:
    """A timer that may be cancelled. Cancelling twice, or after it fired, does nothing."""

    __slots__ = ("_callback",)

    def __init__(self, callback: Callable[[], object]) -> None:
        self._callback: Callable[[], object] | None = callback

    def cancel(self) -> None:
        """Never fire."""
        self._callback = None

    def fire(self) -> None:
        """Call back, once."""
        callback, self._callback = self._callback, None
        if callback is not None:
            callback()


class Wheel:
    """Timers of one event loop."""

    __slots__ = ("_groups", "_handle", "_loop", "_slots")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._groups: dict[int, list[Timer]] = {}
        self._slots: list[int] = []
        self._handle: asyncio.TimerHandle | None = None

    def after(self, seconds: float, callback: Callable[[], object]) -> Timer:
        """Call `callback` after `seconds`, rounded up to the next tick."""
        slot = ceil((self._loop.time() + seconds) / TICK)
        timer = Timer(callback)
        group = self._groups.get(slot)
        if group is not None:
            group.append(timer)
            return timer
        self._groups[slot] = [timer]
        heapq.heappush(self._slots, slot)
        if self._slots[0] == slot:
            self._arm()
        return timer

    def close(self) -> None:
        """Forget all timers."""
        if self._handle is not None:
            self._handle.cancel()
        self._groups.clear()
        self._slots.clear()

    def _arm(self) -> None:
        if self._handle is not None:
            self._handle.cancel()
        self._handle = self._loop.call_at(self._slots[0] * TICK, self._fire)

    def _fire(self) -> None:
        self._handle = None
        slots = self._slots
        now = self._loop.time()
        # Half a tick of slack: uvloop's clock counts whole milliseconds.
        while slots and slots[0] * TICK <= now + TICK / 2:
            for timer in self._groups.pop(heapq.heappop(slots)):
                timer.fire()
        if slots and self._handle is None:
            self._arm()
