"""A container's own standard streams, and who is attached to them (`kubectl attach`, `kubectl run -it`).

Output goes to the log as ever; who is attached gets a copy from then on. What they type goes to the container's
standard input, a pipe or a terminal, which exists only where the container asks for one (`stdin: true`, `tty: true`).
Nobody who is attached may hold the container up: one that is a megabyte behind is cut off.
"""

import asyncio
import contextlib
import fcntl
import os
import struct
import termios
from typing import Final

from linkerd_kube.objects import JsonObject
from linkerd_sandbox.kubelet.execution import open_terminal
from linkerd_sandbox.kubelet.logs import ContainerLog
from linkerd_sandbox.kubelet.spawner import Process

_BEHIND: Final = 1 << 20
_END_OF_FILE: Final = b"\x04"


class Stdio:
    """The streams of one run. The command's ends are closed once it has been started, ours with `close`."""

    def __init__(self, spec: JsonObject, log: ContainerLog, run: int) -> None:
        """Raises OSError where there is no terminal."""
        self.tty = bool(spec.get("tty"))
        self.once = bool(spec.get("stdinOnce"))
        """Whether the input ends with the first who was attached to it."""
        self.stdin: int | None = None
        self._log = log
        self._input: int | None = None
        if self.tty:
            ours, theirs = open_terminal()
            log.begin_terminal(run, ours)
            self._terminal: int | None = ours
            self._input = ours if spec.get("stdin") else None
            self.stdin = self.stdout = self.stderr = theirs
            return
        self._terminal = None
        self.stdout, self.stderr = log.begin(run)
        if spec.get("stdin"):
            self.stdin, self._input = os.pipe2(os.O_CLOEXEC)
            os.set_blocking(self._input, False)

    def started(self) -> None:
        """The command has its ends, or never will."""
        for fd in {self.stdin, self.stdout, self.stderr} - {None}:
            os.close(fd)  # type: ignore[arg-type]

    def close(self) -> None:
        for fd in {self._input, self._terminal} - {None}:
            os.close(fd)  # type: ignore[arg-type]
        self._input = self._terminal = None

    def end_input(self) -> None:
        if self._terminal is None and self._input is not None:
            os.close(self._input)
            self._input = None

    async def write(self, data: bytes) -> None:
        """To the command's input, at its pace. Raises OSError where it reads no more."""
        view = memoryview(data)
        while view and self._input is not None:
            try:
                view = view[os.write(self._input, view) :]
            except BlockingIOError:
                await _writable(self._input)

    async def write_end(self) -> None:
        """The one who is attached types no more."""
        if self._terminal is not None:
            await self.write(_END_OF_FILE)
        elif self.once:
            self.end_input()

    def resize(self, columns: int, rows: int) -> None:
        if self._terminal is not None:
            with contextlib.suppress(OSError):
                fcntl.ioctl(self._terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


async def _writable(fd: int) -> None:
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[None] = loop.create_future()
    loop.add_writer(fd, lambda: None if ready.done() else ready.set_result(None))
    try:
        await ready
    finally:
        loop.remove_writer(fd)


class Attachment:
    """Implements the API server's Execution over a container's own process; closing it leaves the process alone."""

    def __init__(self, process: Process, stdio: Stdio, log: ContainerLog, *, stdin: bool) -> None:
        self.stdout: asyncio.StreamReader | None = None
        self.stderr: asyncio.StreamReader | None = None
        self._process = process
        self._stdio = stdio
        self._log = log
        self._stdin = stdin
        self._ends: dict[str, int] = {}
        self._transports: list[asyncio.BaseTransport] = []

    async def connect(self) -> "Attachment":
        self.stdout = await self._copy("stdout")
        if not self._stdio.tty:
            self.stderr = await self._copy("stderr")
        self._log.taps.add(self._tap)
        return self

    async def _copy(self, stream: str) -> asyncio.StreamReader:
        read, write = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        with contextlib.suppress(OSError):  # EPERM over the user's limit: it is cut off sooner
            fcntl.fcntl(write, fcntl.F_SETPIPE_SZ, _BEHIND)
        self._ends[stream] = write
        reader = asyncio.StreamReader()
        file = os.fdopen(read, "rb", buffering=0)
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), file
        )
        self._transports.append(transport)
        return reader

    def _tap(self, stream: str, data: bytes) -> None:
        end = self._ends.get(stream)
        if end is None:
            return
        try:
            if data and os.write(end, data) == len(data):
                return
        except OSError:
            pass  # it is too far behind, or gone
        os.close(self._ends.pop(stream))

    async def write(self, data: bytes | None) -> None:
        if self._stdin:
            await (self._stdio.write_end() if data is None else self._stdio.write(data))

    def resize(self, columns: int, rows: int) -> None:
        self._stdio.resize(columns, rows)

    async def wait(self) -> int:
        return await asyncio.shield(self._process.exited)

    def close(self) -> None:
        self._log.taps.discard(self._tap)
        if self._stdin and self._stdio.once:
            self._stdio.end_input()
        for end in self._ends.values():
            os.close(end)
        self._ends.clear()
        for transport in self._transports:
            transport.close()
