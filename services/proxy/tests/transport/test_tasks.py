import asyncio
import logging

import pytest

from linkerd_proxy.transport.tasks import Tasks


async def test_failures_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    async def fail() -> None:
        raise ValueError("broken")

    tasks = Tasks(asyncio.get_running_loop())
    with caplog.at_level(logging.ERROR):
        await asyncio.wait([tasks.spawn(fail())])
        await asyncio.sleep(0)
    assert "broken" in caplog.text


async def test_cancel_ends_all() -> None:
    tasks = Tasks(asyncio.get_running_loop())

    async def wait() -> None:
        await asyncio.Event().wait()

    running = [tasks.spawn(wait()) for _ in range(3)]
    await asyncio.sleep(0)
    await tasks.cancel()
    assert all(task.cancelled() for task in running)
