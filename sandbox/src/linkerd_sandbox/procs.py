"""The sandbox's processes as the host sees them: how many, and what memory they share out between them."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Usage:
    processes: int
    pss_bytes: int
    """Proportional set size: shared pages count for each sharer's part. 0 where the kernel does not let us read it."""


def _children() -> dict[int, list[int]]:
    found: dict[int, list[int]] = {}
    for path in Path("/proc").iterdir():
        if not path.name.isdigit():
            continue
        try:
            fields = (path / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        found.setdefault(int(fields[1]), []).append(int(path.name))
    return found


def tree(root: int) -> Iterator[int]:
    """A process and all below it."""
    children = _children()
    waiting = [root]
    while waiting:
        pid = waiting.pop()
        yield pid
        waiting += children.get(pid, ())


def usage(root: int) -> Usage:
    """Of the process tree below `root`, inclusive."""
    pids = list(tree(root))
    total = 0
    for pid in pids:
        try:
            text = Path(f"/proc/{pid}/smaps_rollup").read_text()
        except OSError:
            continue
        total += sum(int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:"))
    return Usage(len(pids), total * 1024)
