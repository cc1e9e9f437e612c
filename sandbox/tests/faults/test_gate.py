"""What each fault does to a request."""

import asyncio

import pytest

from linkerd_sandbox.faults.gate import Gate, Severed


async def test_no_fault_lets_everything_through() -> None:
    gate = Gate()
    assert not gate.faulty
    await asyncio.wait_for(gate.enter(), 30)


async def test_a_pause_holds_until_it_ends_and_cuts_what_is_open() -> None:
    gate, cuts = Gate(), []
    gate.cut = lambda: cuts.append(1)
    gate.set("pause")
    waiting = asyncio.create_task(gate.enter())
    await asyncio.sleep(0)
    assert not waiting.done()
    gate.set("")
    await asyncio.wait_for(waiting, 30)
    assert cuts == [1]


async def test_a_partition_and_a_loss_sever() -> None:
    draws = iter([0.1, 0.3, 0.29])
    gate = Gate(lambda: next(draws))
    gate.set("loss", 0.3)
    with pytest.raises(Severed):
        await gate.enter()
    await gate.enter()
    with pytest.raises(Severed):
        await gate.enter()
    gate.set("partition")
    with pytest.raises(Severed):
        await gate.enter()
    gate.set("")
    await gate.enter()


async def test_a_delay_waits() -> None:
    gate = Gate()
    gate.set("delay", 0.05)
    loop = asyncio.get_running_loop()
    began = loop.time()
    await gate.enter()
    assert loop.time() - began >= 0.05
