"""`python -m bench.sampled FILE`: the proxy with a sampling profiler inside, its samples written to FILE at the end.

At every tick (4 ms) of the process's CPU time (ITIMER_PROF) the innermost frame of the proxy's own modules
is counted by module. What C code does for a module (OpenSSL, a system call of uvloop's) counts for it; what the event
loop does between callbacks counts as the loop. The clock stands while the process waits.
"""

from __future__ import annotations

import json
import signal
import sys
from collections import Counter
from pathlib import Path
from types import FrameType

INTERVAL = 0.004
LOOP = "event loop"
_samples: Counter[str] = Counter()
_OURS = ("linkerd_proxy.", "linkerd_rules.", "linkerd_runtime.")


def _sample(_number: int, frame: FrameType | None) -> None:
    while frame is not None:
        module = frame.f_globals.get("__name__", "")
        if module == "linkerd_proxy.__main__":
            break
        if module.startswith(_OURS):
            _samples[module] += 1
            return
        frame = frame.f_back
    _samples[LOOP] += 1


def main() -> int:
    """Run the proxy under the profiler."""
    from linkerd_proxy.__main__ import main as proxy

    file = Path(sys.argv[1])
    sys.argv[1:] = []
    signal.signal(signal.SIGPROF, _sample)
    signal.setitimer(signal.ITIMER_PROF, INTERVAL, INTERVAL)
    try:
        return proxy()
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        file.write_text(json.dumps(_samples))


if __name__ == "__main__":
    sys.exit(main())
