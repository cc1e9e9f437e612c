"""The `linkerd` command. The only place that reads the process's environment."""

import os
import signal
import sys
from types import FrameType

from linkerd_cli.app import main as run


def main() -> None:
    """Entry point."""
    for ending in (signal.SIGTERM, signal.SIGHUP):
        # Under nohup the latter is ignored, and stays so.
        if signal.getsignal(ending) is signal.SIG_DFL:
            signal.signal(ending, _end)
    sys.exit(run(sys.argv[1:], os.environ))


def _end(number: int, _: FrameType | None) -> None:
    """As for Ctrl-C, what was made for the time of the command goes: a kubeconfig's keys in temporary files.

    Who asks twice does not wait for it.
    """
    signal.signal(number, signal.SIG_DFL)
    raise SystemExit(128 + number)


if __name__ == "__main__":
    main()
