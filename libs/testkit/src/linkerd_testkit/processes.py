"""Processes of tests: started with a deadline, their output kept, always ended."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from linkerd_testkit.ports import DEADLINE_SECONDS, eventually


class Process:
    """A running process. `output` is what it has written so far, standard output and error together."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.output = ""
        self._reader = asyncio.create_task(self._read())

    @property
    def pid(self) -> int:
        """Of the process."""
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        """None while it runs; negative: the signal that ended it."""
        return self._process.returncode

    async def says(self, text: str, *, seconds: float = DEADLINE_SECONDS) -> str:
        """Wait until its output holds `text`; the output. Raises TimeoutError, or RuntimeError where it ends first."""

        def found() -> bool:
            if text not in self.output and self._reader.done():
                raise RuntimeError(f"the process ended with {self.returncode} and never said {text!r}:\n{self.output}")
            return text in self.output

        await eventually(found, seconds=seconds, what=f"output {text!r} in:\n{self.output}")
        return self.output

    async def wait(self, *, seconds: float = DEADLINE_SECONDS) -> int:
        """Its exit code. Raises TimeoutError."""
        # The reader goes on when the time is over: there is more to read.
        async with asyncio.timeout(seconds):
            await asyncio.shield(self._reader)
            return await self._process.wait()

    def send(self, signal_number: signal.Signals) -> None:
        """Send a signal."""
        self._process.send_signal(signal_number)

    def rss_kib(self) -> int:
        """Resident memory now (/proc/PID/status VmRSS)."""
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1])
        raise RuntimeError("the process has no memory: has it ended?")

    async def stop(self, *, seconds: float = DEADLINE_SECONDS) -> None:
        """SIGTERM, then SIGKILL after the deadline."""
        if self._process.returncode is None:
            with suppress(ProcessLookupError):
                self._process.terminate()
            try:
                await self.wait(seconds=seconds)
            except TimeoutError:
                # Its children too: they hold its output open.
                with suppress(ProcessLookupError):
                    os.killpg(self.pid, signal.SIGKILL)
        await self._process.wait()
        await self._reader

    async def _read(self) -> None:
        assert self._process.stdout is not None
        while chunk := await self._process.stdout.read(65536):
            self.output += chunk.decode(errors="replace")
        await self._process.wait()


@asynccontextmanager
async def running(
    *command: str, env: Mapping[str, str] | None = None, cwd: str | None = None
) -> AsyncIterator[Process]:
    """A process for the time of the block; `env` is added to this process's environment."""
    process = Process(
        await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env=None if env is None else {**os.environ, **env},
            cwd=cwd,
            start_new_session=True,
        )
    )
    try:
        yield process
    finally:
        await process.stop()
