"""Processes are waited for, heard, and always ended."""

import signal

import pytest

from linkerd_testkit.processes import running


async def test_output_and_exit_code() -> None:
    async with running("sh", "-c", "echo $GREETING; echo oops >&2; exit 3", env={"GREETING": "hello"}) as process:
        assert "hello" in await process.says("oops")
        assert await process.wait() == 3


async def test_what_is_never_said() -> None:
    async with running("sh", "-c", "echo something else") as process:
        with pytest.raises(RuntimeError, match="something else"):
            await process.says("hello")


async def test_it_is_ended_with_the_block() -> None:
    async with running("sleep", "60") as process:
        assert process.returncode is None
        assert process.rss_kib() > 0
    assert process.returncode == -signal.SIGTERM


async def test_a_stubborn_one_is_killed() -> None:
    async with running("sh", "-c", "trap '' TERM; echo ready; while :; do sleep 0.05; done") as process:
        await process.says("ready")
        await process.stop(seconds=0.2)
    assert process.returncode == -signal.SIGKILL
