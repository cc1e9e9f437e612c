"""That large blocks are kept, seen in the page faults of a process; and that free pages are given back when asked."""

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


TRIMMED = """
from pathlib import Path
from linkerd_proxy import heap

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1])

assert heap.keep()
blocks = [bytes([1]) * 20_000 for _ in range(1_000)]
# Half of it is free, between blocks that stay: the heap's end cannot move.
del blocks[::2]
before = resident()
assert heap.trim()
print(before - resident())
"""


def test_free_pages_between_blocks_are_given_back() -> None:
    done = subprocess.run([sys.executable, "-c", TRIMMED], capture_output=True, text=True, timeout=60, check=True)
    # 500 blocks of 20 KB; a page at each end of each of them is shared with its neighbours.
    assert int(done.stdout) > 1_000
