"""Processes under measurement: pinned to a core, their CPU time and memory read from /proc, ended by their pid."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_START_SECONDS = 20.0


@dataclass(frozen=True)
class Memory:
    """Resident, proportional and anonymous memory in bytes."""

    rss: int
    pss: int
    anonymous: int


class Process:
    """One program on one core (or several: "0-1"), its output in a file."""

    def __init__(
        self, name: str, command: Sequence[str], core: int | str, directory: Path, env: Mapping[str, str] | None = None
    ) -> None:
        """Raises SystemExit where the program is not installed."""
        if shutil.which(command[0], path=(env or os.environ).get("PATH")) is None:
            raise SystemExit(f"bench: {command[0]} is not installed; `make setup-bench` installs what the bench needs")
        self.name = name
        self.log = directory / f"{name}.log"
        with self.log.open("wb") as out:
            self._popen = subprocess.Popen(
                ["taskset", "-c", str(core), *command],
                cwd=directory,
                env={**os.environ, **(env or {})},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
            )

    @property
    def pid(self) -> int:
        """taskset replaces itself with the program, so this is the program's own."""
        return self._popen.pid

    def wait_listening(self, port: int) -> None:
        """Until something accepts on a loopback port; RuntimeError with the log when the program ends or time is up."""
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline and self._popen.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", port), 0.2).close()
                return
            except OSError:
                time.sleep(0.05)
        raise RuntimeError(f"{self.name} does not listen on {port}:\n{self.log.read_text(errors='replace')[-2000:]}")

    def cpu_seconds(self) -> float:
        """User and system time so far, its workers' with it."""
        return sum(self.cpu_seconds_of(pid) for pid in (self.pid, *self.workers()))

    @staticmethod
    def cpu_seconds_of(pid: int) -> float:
        """Of one process."""
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS

    def workers(self) -> list[int]:
        """Process ids of its children."""
        return [int(pid) for pid in Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()]

    def memory(self) -> Memory:
        """Memory now."""
        values = {}
        for line in Path(f"/proc/{self.pid}/smaps_rollup").read_text().splitlines()[1:]:
            key, _, rest = line.partition(":")
            values[key] = int(rest.split()[0]) * 1024
        return Memory(values["Rss"], values["Pss"], values["Anonymous"])

    def stop(self) -> None:
        """SIGTERM, then SIGKILL after five seconds."""
        self._popen.terminate()
        try:
            self._popen.wait(5)
        except subprocess.TimeoutExpired:
            self._popen.kill()
            self._popen.wait(5)


def free_port() -> int:
    """A loopback port that is free now."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port: int = s.getsockname()[1]
        return port
