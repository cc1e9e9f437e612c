import asyncio

from linkerd_proxy.transport.wheel import TICK, Wheel


async def fired(order: list[str], count: int) -> None:
    async with asyncio.timeout(30):
        while len(order) < count:
            await asyncio.sleep(TICK / 2)


async def test_timers_fire_in_order_and_never_early() -> None:
    loop = asyncio.get_running_loop()
    wheel = Wheel(loop)
    order: list[str] = []
    times: dict[str, float] = {}
    started = loop.time()

    def note(name: str) -> None:
        order.append(name)
        times[name] = loop.time() - started

    wheel.after(0.06, lambda: note("late"))
    wheel.after(0.02, lambda: note("early"))
    wheel.after(0.02, lambda: note("early too"))
    await fired(order, 3)
    assert order == ["early", "early too", "late"]
    assert times["early"] >= 0.02 - TICK / 2
    assert times["late"] >= 0.06 - TICK / 2


async def test_a_cancelled_timer_never_fires_and_others_do() -> None:
    wheel = Wheel(asyncio.get_running_loop())
    order: list[str] = []
    cancelled = wheel.after(0.02, lambda: order.append("cancelled"))
    wheel.after(0.03, lambda: order.append("kept"))
    cancelled.cancel()
    cancelled.cancel()
    await fired(order, 1)
    assert order == ["kept"]


async def test_a_timer_may_start_timers() -> None:
    wheel = Wheel(asyncio.get_running_loop())
    order: list[str] = []
    wheel.after(0.01, lambda: wheel.after(0.0, lambda: order.append("second")))
    await fired(order, 1)


async def test_nothing_fires_after_close() -> None:
    wheel = Wheel(asyncio.get_running_loop())
    order: list[str] = []
    wheel.after(0.01, lambda: order.append("x"))
    wheel.close()
    await asyncio.sleep(0.05)
    assert order == []
