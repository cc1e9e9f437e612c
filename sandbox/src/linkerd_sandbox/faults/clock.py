"""A wrong clock for a pod.

Linux has time namespaces for the clocks since boot only (time_namespaces(7)): the time of day is one for the whole
machine. So a container's programs get libfaketime preloaded, where it is installed; programs that ask the kernel past
the C library (static Go binaries) keep the true time. PURE but for the look on the disk.
"""

from pathlib import Path
from typing import Final

from linkerd_sandbox.faults.errors import FaultRefused

_LIBRARY: Final = "faketime/libfaketimeMT.so.1"
_LONGEST_SECONDS: Final = 10 * 365 * 86400


def library(roots: tuple[Path, ...] = (Path("/usr/lib"), Path("/usr/lib64"))) -> str:
    """Where libfaketime is. Raises FaultRefused."""
    for root in roots:
        for path in sorted([*root.glob(_LIBRARY), *root.glob(f"*/{_LIBRARY}")]):
            return str(path)
    raise FaultRefused(
        "libfaketime is not installed, and the kernel has no clock of a process's own: sudo apt-get install faketime"
    )


def seconds(text: str) -> int:
    """A signed number of seconds. Raises FaultRefused."""
    digits = text.removeprefix("+").removeprefix("-")
    if not digits.isdigit() or abs(int(digits)) > _LONGEST_SECONDS:
        raise FaultRefused("clock: by how many seconds? A number such as +3600 or -60, ten years at most")
    return int(text)


def environment(library_path: str, offset_seconds: int) -> dict[str, str]:
    """What a container is given; nothing for no offset. Clocks since boot stay true, or every timeout would jump."""
    if not offset_seconds:
        return {}
    return {
        "LD_PRELOAD": library_path,
        "FAKETIME": f"{offset_seconds:+d}",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "DONT_FAKE_MONOTONIC": "1",
        "FAKETIME_DONT_RESET": "1",
    }
