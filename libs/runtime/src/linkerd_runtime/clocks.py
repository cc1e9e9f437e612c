"""Waiting where the wall clock may be set: standard library only (the proxy imports this)."""

import asyncio
from collections.abc import Callable

STEP_SECONDS = 30.0
"""How often the wall clock is looked at."""
_BACK_SECONDS = 10.0
"""Put back by more than this, half the usual clock skew allowance, it was set; less is how NTP slews."""


async def sleep_on_both_clocks(seconds: float, wall: Callable[[], float]) -> None:
    """Until either clock says so, or the wall clock was put back: who waits for a time of day must then look again.

    The wall clock alone counts while a machine sleeps, the other one where it is set.
    """
    loop = asyncio.get_running_loop()
    began, wall_began = loop.time(), wall()
    while True:
        passed, wall_passed = loop.time() - began, wall() - wall_began
        left = seconds - max(passed, wall_passed)
        if left <= 0 or passed - wall_passed > _BACK_SECONDS:
            return
        await asyncio.sleep(min(left, STEP_SECONDS))
