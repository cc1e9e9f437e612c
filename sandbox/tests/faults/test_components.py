"""Parts of the cluster that are ended and start again."""

import asyncio

import pytest

from linkerd_sandbox.faults.components import NAMES, Component, Components
from linkerd_sandbox.faults.errors import FaultRefused


async def test_a_killed_part_starts_afresh_and_a_cancelled_one_does_not() -> None:
    component, starts, ended = Component("controllers"), asyncio.Queue[int](), []

    async def work() -> None:
        starts.put_nowait(1)
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            ended.append(1)

    running = asyncio.create_task(component.keep(work))
    await asyncio.wait_for(starts.get(), 30)
    component.kill()
    await asyncio.wait_for(starts.get(), 30)
    assert ended == [1]
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert ended == [1, 1]


async def test_what_fails_of_its_own_is_not_hidden() -> None:
    async def work() -> None:
        raise RuntimeError("broken")

    with pytest.raises(RuntimeError, match="broken"):
        await Component("dns").keep(work)


async def test_actions() -> None:
    parts = Components()
    assert set(parts.all) == set(NAMES)
    parts.act("delay", "kubelet", 0.5)
    assert parts["kubelet"].gate.faulty
    for action in ("heal", "kill"):
        parts.act(action, "kubelet", 0)
    assert [part.gate.faulty for part in parts.all.values()] == [False] * len(NAMES)
    with pytest.raises(FaultRefused, match="clock is for pods"):
        parts.act("clock", "kubelet", 0)
