"""What every control plane process begins with: its settings, its logs, then the work until SIGTERM."""

import sys
from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar

from linkerd_runtime import logs, process
from linkerd_runtime.settings import EXIT_BAD_SETTINGS, BadSettings


class LogSettings(Protocol):
    """What `main` reads of a service's settings (linkerd_runtime.logs has the words)."""

    @property
    def log_level(self) -> str:
        """One of logs.LEVELS."""

    @property
    def log_format(self) -> str:
        """One of logs.FORMATS."""


S = TypeVar("S", bound=LogSettings)


def main(read: Callable[[], S], work: Callable[[S, process.Stop], Awaitable[None]]) -> None:
    """Ends by SystemExit: 64 where `read` raises BadSettings, every bad value on a line of standard error; else as
    `process.run`. Environments are read in `__main__` only, so `read` comes with one.
    """
    try:
        settings = read()
    except BadSettings as bad:
        for message in bad.messages:
            sys.stderr.write(f"{message}\n")
        sys.exit(EXIT_BAD_SETTINGS)
    logs.configure(settings.log_level, settings.log_format)
    process.run(lambda stop: work(settings, stop))
