"""A command in a running container for `kubectl exec`: pipes, or a terminal of the sandbox's own devpts."""

import asyncio
import contextlib
import fcntl
import os
import struct
import termios
from pathlib import Path
from typing import Final, Protocol

from linkerd_sandbox.apiserver.node import ExecutionFailed
from linkerd_sandbox.kubelet.spawner import Process, StartError

_PTMX: Final = "/run/linkerd-sandbox/dev/pts/ptmx"
_LIMIT: Final = 1 << 16
_TIOCSPTLCK: Final = 0x40045431  # asm-generic/ioctls.h; Python 3.11 has no names for these two
_TIOCGPTN: Final = 0x80045430


class Execute(Protocol):
    """Starts a command in a container."""

    async def __call__(self, argv: list[str], stdout: int, stderr: int, stdin: int | None = None) -> Process: ...


class Running:
    """Implements the API server's Execution."""

    def __init__(self, process: Process, terminal: int | None) -> None:
        self.process = process
        self.stdout: asyncio.StreamReader | None = None
        self.stderr: asyncio.StreamReader | None = None
        self._terminal = terminal
        self._stdin: asyncio.StreamWriter | None = None
        self._transports: list[asyncio.BaseTransport] = []

    async def connect(self, stdout: int, stderr: int | None, stdin: int | None) -> None:
        """Takes our ends of the streams over."""
        self.stdout = await self._reader(stdout)
        if stderr is not None:
            self.stderr = await self._reader(stderr)
        if stdin is not None:
            loop = asyncio.get_running_loop()
            file = os.fdopen(stdin, "wb", buffering=0)
            reader = asyncio.StreamReader()
            transport, protocol = await loop.connect_write_pipe(lambda: asyncio.StreamReaderProtocol(reader), file)
            self._transports.append(transport)
            self._stdin = asyncio.StreamWriter(transport, protocol, None, loop)

    async def _reader(self, fd: int) -> asyncio.StreamReader:
        reader = asyncio.StreamReader(_LIMIT)
        file = os.fdopen(fd, "rb", buffering=0)
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), file
        )
        self._transports.append(transport)
        return reader

    async def write(self, data: bytes | None) -> None:
        if self._stdin is None:
            return
        if data is None:
            if self._terminal is None:
                self._stdin.close()
            else:
                self._stdin.write(b"\x04")  # a terminal's end of file
            return
        self._stdin.write(data)
        await self._stdin.drain()

    def resize(self, columns: int, rows: int) -> None:
        if self._terminal is not None:
            with contextlib.suppress(OSError):
                fcntl.ioctl(self._terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    async def wait(self) -> int:
        return await asyncio.shield(self.process.exited)

    def close(self) -> None:
        self.process.kill()
        for transport in self._transports:
            transport.close()
        if self._terminal is not None:
            os.close(self._terminal)
            self._terminal = None


def open_terminal() -> tuple[int, int]:
    """(ours, the command's) ends of a new terminal. Raises OSError."""
    if not Path(_PTMX).exists():
        return os.openpty()
    ours = os.open(_PTMX, os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)
    try:
        fcntl.ioctl(ours, _TIOCSPTLCK, struct.pack("i", 0))
        (number,) = struct.unpack("i", fcntl.ioctl(ours, _TIOCGPTN, struct.pack("i", 0)))
        return ours, os.open(f"{Path(_PTMX).parent}/{number}", os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)
    except BaseException:
        os.close(ours)
        raise


async def start(execute: Execute, command: list[str], *, stdin: bool, tty: bool) -> Running:
    """Raises ExecutionFailed."""
    if tty:
        return await _with_terminal(execute, command)
    out_read, out_write = os.pipe2(os.O_CLOEXEC)
    err_read, err_write = os.pipe2(os.O_CLOEXEC)
    in_read, in_write = os.pipe2(os.O_CLOEXEC) if stdin else (None, None)
    try:
        process = await execute(command, out_write, err_write, in_read)
    except BaseException as error:
        for fd in (out_read, err_read, in_write):
            if fd is not None:
                os.close(fd)
        if isinstance(error, StartError):
            raise ExecutionFailed(str(error)) from None
        raise
    finally:
        for fd in (out_write, err_write, in_read):
            if fd is not None:
                os.close(fd)
    running = Running(process, None)
    await running.connect(out_read, err_read, in_write)
    return running


async def _with_terminal(execute: Execute, command: list[str]) -> Running:
    try:
        ours, theirs = open_terminal()
    except OSError as error:
        raise ExecutionFailed(f"no terminal: {error}") from None
    try:
        process = await execute(command, theirs, theirs, theirs)
    except BaseException as error:
        os.close(ours)
        if isinstance(error, StartError):
            raise ExecutionFailed(str(error)) from None
        raise
    finally:
        os.close(theirs)
    running = Running(process, ours)
    await running.connect(os.dup(ours), None, os.dup(ours))
    return running
