"""Linux capability names and the sets that a container gets. PURE.

The default set is containerd's and Docker's: what an image may count on.
"""

from collections.abc import Sequence
from typing import Final

_NAMES: Final = (
    "CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID", "SETPCAP",
    "LINUX_IMMUTABLE", "NET_BIND_SERVICE", "NET_BROADCAST", "NET_ADMIN", "NET_RAW", "IPC_LOCK", "IPC_OWNER",
    "SYS_MODULE", "SYS_RAWIO", "SYS_CHROOT", "SYS_PTRACE", "SYS_PACCT", "SYS_ADMIN", "SYS_BOOT", "SYS_NICE",
    "SYS_RESOURCE", "SYS_TIME", "SYS_TTY_CONFIG", "MKNOD", "LEASE", "AUDIT_WRITE", "AUDIT_CONTROL", "SETFCAP",
    "MAC_OVERRIDE", "MAC_ADMIN", "SYSLOG", "WAKE_ALARM", "BLOCK_SUSPEND", "AUDIT_READ", "PERFMON", "BPF",
    "CHECKPOINT_RESTORE",
)  # fmt: skip
NUMBERS: Final = {name: number for number, name in enumerate(_NAMES)}
ALL: Final = (1 << len(_NAMES)) - 1


def mask(names: Sequence[str]) -> int:
    """The bit mask of names, with or without the CAP_ prefix; ALL is every one. Raises ValueError."""
    result = 0
    for name in names:
        short = name.upper().removeprefix("CAP_")
        if short == "ALL":
            return ALL
        if short not in NUMBERS:
            raise ValueError(f'unknown capability "{name}"')
        result |= 1 << NUMBERS[short]
    return result


_DEFAULT: Final = (
    "CHOWN", "DAC_OVERRIDE", "FSETID", "FOWNER", "MKNOD", "NET_RAW", "SETGID", "SETUID", "SETFCAP", "SETPCAP",
    "NET_BIND_SERVICE", "SYS_CHROOT", "KILL", "AUDIT_WRITE",
)  # fmt: skip
DEFAULT: Final = mask(_DEFAULT)


def bounding(add: Sequence[str], drop: Sequence[str]) -> int:
    """The bounding set of a container: the default, less `drop`, plus `add`; `add` wins, as in containerd."""
    return DEFAULT & ~mask(drop) | mask(add)
