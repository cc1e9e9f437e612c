"""What containers use: CPU time and memory of all processes in a container's pid namespace, from /proc.

There are no cgroups in a sandbox, so the kernel keeps no account of a container; its processes are added up. CPU time
of processes that have ended is in their parents' (cutime and cstime of proc(5)); the clock tick makes the finest figure
10 ms. Memory is the proportional set size: what is shared counts once over all.
"""

import contextlib
import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_TICKS_PER_SECOND: Final = os.sysconf("SC_CLK_TCK")


@dataclass(slots=True)
class Sum:
    """Of one pid namespace."""

    cpu_seconds: float = 0.0
    memory_bytes: int = 0


def cpu_seconds(stat: str) -> float:
    """utime, stime, cutime and cstime of /proc/PID/stat together. PURE."""
    fields = stat.rpartition(")")[2].split()
    return sum(int(field) for field in fields[11:15]) / _TICKS_PER_SECOND


def pss_bytes(rollup: str) -> int:
    """Of /proc/PID/smaps_rollup. PURE."""
    return sum(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:")) * 1024


def _pids(proc: Path) -> Iterator[Path]:
    return (path for path in proc.iterdir() if path.name.isdigit())


def namespace_of(pid: int, proc: Path = Path("/proc")) -> str:
    """The name of a process's pid namespace; "" where the process is gone."""
    try:
        return str((proc / str(pid) / "ns/pid").readlink())
    except OSError:
        return ""


def members(namespace: str, proc: Path = Path("/proc")) -> list[int]:
    """Processes in a pid namespace."""
    found: list[int] = []
    for path in _pids(proc):
        with contextlib.suppress(OSError):
            if str((path / "ns/pid").readlink()) == namespace:
                found.append(int(path.name))
    return found


def signal_members(namespace: str, number: signal.Signals) -> None:
    """To every process of a pid namespace."""
    for pid in members(namespace):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


def by_namespace(*, memory: bool, proc: Path = Path("/proc")) -> dict[str, Sum]:
    """Sums by pid namespace. Memory costs the kernel about a millisecond a process, so it is read on demand only."""
    found: dict[str, Sum] = {}
    for path in _pids(proc):
        try:
            one = found.setdefault(str((path / "ns/pid").readlink()), Sum())
            one.cpu_seconds += cpu_seconds((path / "stat").read_text())
            if memory:
                one.memory_bytes += pss_bytes((path / "smaps_rollup").read_text())
        except OSError:
            continue  # it has ended meanwhile
    return found
