"""The kubelet's side of `init`: starts commands in new or in running containers, and hears of their ends.

Nothing blocks: requests and answers are packets, failures before exec come over a pipe that exec closes.
"""

import asyncio
import contextlib
import json
import logging
import os
import signal
import socket
from collections.abc import Sequence

from linkerd_sandbox.kubelet.launch import LaunchSpec

log = logging.getLogger(__name__)


class StartError(Exception):
    """The command did not come to run; the message says why, in the words of a container runtime."""


class Process:
    """A started command. `exited` gives the exit code, 128 + signal number where a signal ended it."""

    def __init__(self, pid: int, exited: asyncio.Future[int]) -> None:
        self.pid = pid
        self.exited = exited

    def kill(self, number: int = signal.SIGKILL) -> None:
        if not self.exited.done():
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)


def exit_code(status: int) -> int:
    """A wait status as container runtimes show it."""
    code = os.waitstatus_to_exitcode(status)
    return 128 - code if code < 0 else code


class Spawner:
    """One a supervisor. `lost` ends when the first process is gone, which nobody should live to see."""

    def __init__(self, channel: socket.socket) -> None:
        channel.setblocking(False)
        self._channel = channel
        self._loop = asyncio.get_running_loop()
        self._next_id = 0
        self._starting: dict[int, asyncio.Future[Process]] = {}
        self._running: dict[int, Process] = {}
        self._null = os.open("/dev/null", os.O_RDONLY | os.O_CLOEXEC)
        self.lost: asyncio.Future[None] = self._loop.create_future()
        self._loop.add_reader(channel.fileno(), self._on_answers)

    def _on_answers(self) -> None:
        while True:
            try:
                data = self._channel.recv(65536)
            except BlockingIOError:
                return
            except OSError:
                data = b""
            if not data:
                self._loop.remove_reader(self._channel.fileno())
                if not self.lost.done():
                    self.lost.set_result(None)
                return
            self._on_answer(json.loads(data))

    def _on_answer(self, answer: dict[str, int]) -> None:
        if "exit" in answer:
            process = self._running.pop(answer["exit"], None)
            if process is not None and not process.exited.done():
                process.exited.set_result(exit_code(answer["status"]))
            return
        process = Process(answer["pid"], self._loop.create_future())
        if process.pid > 0:
            self._running[process.pid] = process
        else:
            process.exited.set_result(128)
        waiting = self._starting.pop(answer["id"])
        if waiting.cancelled():
            process.kill()
        else:
            waiting.set_result(process)

    async def start(
        self,
        spec: LaunchSpec,
        stdout: int,
        stderr: int,
        *,
        namespaces: Sequence[int] = (),
        join: int | None = None,
        processes_of: int | None = None,
        stdin: int | None = None,
    ) -> Process:
        """Runs a command in the namespaces (net, uts, ipc) or in those of a running process. Raises StartError.

        `processes_of`: it sees that process and its like, instead of being the first of a pid namespace of its own.
        """
        self._next_id += 1
        number = self._next_id
        waiting: asyncio.Future[Process] = self._loop.create_future()
        self._starting[number] = waiting
        error_read, error_write = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        spec_fd = os.memfd_create("spec", os.MFD_CLOEXEC)
        try:
            os.write(spec_fd, json.dumps(spec).encode())
            os.lseek(spec_fd, 0, os.SEEK_SET)
            request = {"id": number, "join": join, "processes_of": processes_of}
            fds = [spec_fd, stdout, stderr, error_write, self._null if stdin is None else stdin, *namespaces]
            await self._send(json.dumps(request).encode(), fds)
        except BaseException:
            os.close(error_read)
            raise
        finally:
            os.close(spec_fd)
            os.close(error_write)
        failure = await self._read_all(error_read, waiting)
        process = await waiting
        if failure:
            process.kill()
            raise StartError(failure)
        return process

    async def _send(self, data: bytes, fds: list[int]) -> None:
        while True:
            try:
                socket.send_fds(self._channel, [data], fds)
            except BlockingIOError:
                await asyncio.sleep(0.001)  # init empties the queue within microseconds
            else:
                return

    async def _read_all(self, fd: int, waiting: asyncio.Future[Process]) -> str:
        """What came over the pipe until exec closed it."""
        parts: list[bytes] = []
        done = self._loop.create_future()

        def on_readable() -> None:
            try:
                data = os.read(fd, 65536)
            except BlockingIOError:
                return
            if data:
                parts.append(data)
            elif not done.done():
                done.set_result(None)

        self._loop.add_reader(fd, on_readable)
        try:
            await done
        except asyncio.CancelledError:
            waiting.cancel()
            if waiting.done() and not waiting.cancelled():
                waiting.result().kill()
            raise
        finally:
            self._loop.remove_reader(fd)
            os.close(fd)
        return b"".join(parts).decode("utf-8", "replace")
