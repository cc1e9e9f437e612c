"""That large blocks are kept, seen in the page faults of a process."""

import subprocess
import sys

FAULTS = """
import resource, sys
if sys.argv[1] == "keep":
    from linkerd_proxy import heap
    assert heap.keep()

def use():
    # As the data path: reads, and what TLS makes of them.
    for size in range(100_000, 260_000, 10_000):
        blocks = [bytes(size) for _ in range(4)]

use()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10):
    use()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(how: str) -> int:
    done = subprocess.run([sys.executable, "-c", FAULTS, how], capture_output=True, text=True, timeout=60, check=True)
    return int(done.stdout)


def test_blocks_are_reused_without_page_faults() -> None:
    assert faults("keep") < 100 < 1_000 < faults("leave")
