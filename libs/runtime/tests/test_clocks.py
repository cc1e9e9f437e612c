"""Two clocks, one of which is set."""

import asyncio
import time

import pytest

from linkerd_runtime import clocks
from linkerd_runtime.clocks import sleep_on_both_clocks


class Wall:
    """A wall clock that can be set."""

    def __init__(self) -> None:
        self.offset = 0.0

    def __call__(self) -> float:
        return time.monotonic() + self.offset


@pytest.fixture(autouse=True)
def steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clocks, "STEP_SECONDS", 0.01)


async def _ends(sleeping: asyncio.Task[None]) -> None:
    async with asyncio.timeout(30):
        await sleeping


async def test_the_other_clock_ends_it_where_the_wall_clock_goes_slower() -> None:
    frozen = time.time()
    began = time.monotonic()
    await _ends(asyncio.ensure_future(sleep_on_both_clocks(0.05, lambda: frozen)))
    assert time.monotonic() - began >= 0.05


@pytest.mark.parametrize("jump", [3600.0, -3600.0])
async def test_a_wall_clock_that_is_set_ends_it(jump: float) -> None:
    wall = Wall()
    sleeping = asyncio.ensure_future(sleep_on_both_clocks(3000, wall))
    await asyncio.sleep(0)
    wall.offset = jump
    await _ends(sleeping)


async def test_slewing_does_not() -> None:
    wall = Wall()
    sleeping = asyncio.ensure_future(sleep_on_both_clocks(3000, wall))
    await asyncio.sleep(0)
    wall.offset = -5.0
    done, _ = await asyncio.wait({sleeping}, timeout=0.1)
    assert not done
    sleeping.cancel()
    await asyncio.wait({sleeping})
