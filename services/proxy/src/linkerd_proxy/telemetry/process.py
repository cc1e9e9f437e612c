"""process_*: what the kernel says of this process, read at every scrape.

Sources: /proc/self/stat (proc(5)), /proc/self/fd, RLIMIT_NOFILE, /proc/self/net/dev. Where /proc is missing (not Linux)
there are no figures, and no error.
"""

import os
import resource
import time
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


class ProcessMetrics:
    """A collector for Registry.collect."""

    def __init__(self, proc: Path = Path("/proc/self")) -> None:
        self._proc = proc
        self._started = time.time()
        self._started_monotonic = time.monotonic()

    def __call__(self) -> str:
        """The text of the process_* families."""
        out = [
            _sample("process_start_time_seconds", "gauge", "Start of the process (unix seconds)", self._started),
            _sample("process_clock_time_seconds", "gauge", "Current time for this proxy", time.time()),
            _sample(
                "process_uptime_seconds_total",
                "counter",
                "Total time since the process started (in seconds)",
                time.monotonic() - self._started_monotonic,
            ),
            _sample("process_max_fds", "gauge", "Maximum number of open file descriptors", _max_fds()),
        ]
        try:
            out += self._stat()
            count = sum(1 for _ in (self._proc / "fd").iterdir())
            out.append(_sample("process_open_fds", "gauge", "Number of open file descriptors", count))
            out += self._network()
        except (OSError, ValueError, IndexError):
            pass
        return "".join(out)

    def _stat(self) -> list[str]:
        # The command's name may hold spaces and parentheses: fields are counted from the last one.
        fields = (self._proc / "stat").read_text().rpartition(")")[2].split()
        user, system, threads = int(fields[11]), int(fields[12]), int(fields[17])
        virtual, resident = int(fields[20]), int(fields[21]) * _PAGE
        return [
            _sample(
                "process_cpu_seconds_total",
                "counter",
                "Total user and system CPU time spent in seconds",
                (user + system) / _TICKS,
            ),
            _sample("process_virtual_memory_bytes", "gauge", "Virtual memory size in bytes", virtual),
            _sample("process_resident_memory_bytes", "gauge", "Resident memory size in bytes", resident),
            _sample("process_threads", "gauge", "Number of OS threads in the process", threads),
        ]

    def _network(self) -> list[str]:
        received = sent = 0
        for line in (self._proc / "net" / "dev").read_text().splitlines()[2:]:
            name, _, figures = line.partition(":")
            if name.strip() != "lo":
                columns = figures.split()
                received += int(columns[0])
                sent += int(columns[8])
        return [
            _sample("process_network_receive_bytes_total", "counter", "Bytes received by the pod", received),
            _sample("process_network_transmit_bytes_total", "counter", "Bytes sent by the pod", sent),
        ]


def _max_fds() -> int:
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def _sample(name: str, kind: str, help: str, value: float) -> str:
    text = str(value) if isinstance(value, int) else f"{value:.3f}"
    return f"# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {text}\n"
