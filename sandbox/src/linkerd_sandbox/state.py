"""The record of a running sandbox on disk: which process holds it, and whether that is still the same process.

A process id alone may have been given to somebody else since; with its start time (field 22 of /proc/PID/stat, clock
ticks since boot) and the boot's id it is certain.
"""

import json
import os
import select
import shutil
import signal
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

_KEEP: Final = ("images.json",)
"""What `down` leaves: the user's own image mappings are no state of one run."""


@dataclass(frozen=True, slots=True)
class Record:
    """A started sandbox."""

    pid: int
    """Of the namespace's first process, as the host sees it."""
    start_ticks: int
    boot_id: str
    api_port: int
    mode: str


def start_ticks(pid: int) -> int | None:
    """When the process started; None where there is none, or only its remains."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    fields = text.rpartition(")")[2].split()
    return None if fields[0] in "ZX" else int(fields[19])


def boot_id() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


class State:
    """The directory of one sandbox."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.kubeconfig = directory / "kubeconfig"
        self.log = directory / "supervisor.log"
        self.pod_logs = directory / "pods"
        self._record = directory / "state.json"

    def write(self, record: Record) -> None:
        temporary = self._record.with_suffix(".tmp")
        temporary.write_text(json.dumps(asdict(record)))
        temporary.replace(self._record)

    def read(self) -> Record | None:
        """The record, whether or not its process still lives; None where there is none or it is unreadable."""
        try:
            return Record(**json.loads(self._record.read_text()))
        except (OSError, ValueError, TypeError):
            return None

    def running(self) -> Record | None:
        """The record of a sandbox that is alive."""
        record = self.read()
        if record is None or record.boot_id != boot_id() or start_ticks(record.pid) != record.start_ticks:
            return None
        return record

    def stop(self, timeout_seconds: float = 10.0) -> bool:
        """Ends the sandbox and waits until it is gone; False where none ran. Raises TimeoutError, PermissionError.

        The kernel ends everything in the namespaces with their first process.
        """
        record = self.running()
        if record is None:
            return False
        try:
            fd = os.pidfd_open(record.pid)
        except ProcessLookupError:
            return True
        try:
            # opened first and then compared again: the number cannot have changed hands between
            if start_ticks(record.pid) == record.start_ticks:
                signal.pidfd_send_signal(fd, signal.SIGKILL)
            if not select.select([fd], [], [], timeout_seconds)[0]:
                raise TimeoutError(f"process {record.pid} did not end within {timeout_seconds:g} s")
        finally:
            os.close(fd)
        return True

    def clear(self) -> None:
        """Removes everything but what the user made."""
        if not self.directory.is_dir():
            return
        for path in self.directory.iterdir():
            if path.name in _KEEP:
                continue
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)
        if not any(self.directory.iterdir()):
            self.directory.rmdir()
