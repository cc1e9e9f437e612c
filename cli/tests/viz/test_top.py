"""`linkerd viz top`."""

import asyncio
import os
import pty
import signal

import pytest
from cli.tests.terminal import LINKERD, Terminal
from cli.tests.viz.taps import exchange, tapping

TABLE = (
    "Source       Destination   Method   Path        Count   Best   Worst   Last   Success Rate\n"
    "vote-bot-1   web-1         GET      /api/list       2    2ms     2ms    2ms        100.00%\n"
)


async def test_a_table_after_so_many_seconds(terminal: Terminal) -> None:
    async with tapping(terminal) as taps:
        taps.events = [*exchange(), *exchange(1)]
        taps.hold = True
        said = await terminal.linkerd("viz", "top", "deploy/web", "--seconds", "4")
        assert (said.code, said.out, said.err) == (0, TABLE, "")


async def test_without_sources(terminal: Terminal) -> None:
    async with tapping(terminal):
        said = await terminal.linkerd("viz", "top", "deploy/web", "--hide-sources")
        assert said.out.splitlines()[1].split()[:4] == ["web-1", "GET", "/api/list", "1"]


@pytest.mark.usefixtures("interruptible")
async def test_a_terminal_is_redrawn_until_ctrl_c(terminal: Terminal) -> None:
    async with tapping(terminal) as taps:
        taps.events = [*exchange(), *exchange(1)]
        taps.hold = True
        ours, theirs = pty.openpty()
        process = await asyncio.create_subprocess_exec(
            *(LINKERD, "viz", "top", "deploy/web"), stdout=theirs, stderr=theirs, env=terminal.environment
        )
        os.close(theirs)
        seen = b""
        while seen.count(b"/api/list") < 2:
            seen += await asyncio.wait_for(asyncio.to_thread(os.read, ours, 4096), 30)
        assert b"\x1b[H\x1b[J" in seen
        process.send_signal(signal.SIGINT)
        assert await asyncio.wait_for(process.wait(), 30) == 0
        os.close(ours)


async def test_bad_seconds(terminal: Terminal) -> None:
    said = await terminal.linkerd("viz", "top", "deploy/web", "--seconds", "0")
    assert (said.code, said.err) == (1, "Error: --seconds: 0 is not more than 0\n")


async def test_refusals_are_one_line(terminal: Terminal) -> None:
    async with tapping(terminal) as taps:
        taps.refuse = (403, "no")
        said = await terminal.linkerd("viz", "top", "deploy/web")
        assert (said.code, said.out, said.err) == (1, "", "Error: no\n")
