"""Waiting with a deadline."""

import asyncio

import pytest

from linkerd_testkit.ports import eventually, free_port, listening


async def test_eventually() -> None:
    left = [0, 0, 3]

    async def later() -> int:
        return left.pop(0)

    assert await eventually(later) == 3
    assert await eventually(lambda: "yes") == "yes"
    with pytest.raises(TimeoutError, match="the moon did not come true"):
        await eventually(lambda: False, seconds=0.05, what="the moon")


async def test_listening() -> None:
    port = free_port()
    with pytest.raises(TimeoutError):
        await listening(port, seconds=0.05)
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", port)
    await listening(port)
    server.close()
    await server.wait_closed()
