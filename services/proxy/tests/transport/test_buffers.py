"""The sizes fit each other: tls_stream.py relies on it."""

import subprocess
import sys

from linkerd_proxy.transport import buffers


def test_plaintext_of_a_read_and_of_a_record_before_it_fits() -> None:
    assert len(buffers.PLAIN) >= buffers.READ_SIZE + 2 * buffers.RECORD
    assert len(buffers.WIRE) == buffers.READ_SIZE


def test_slices_are_whole_records() -> None:
    assert buffers.SLICE % buffers.RECORD == 0
    assert len(buffers.CLEAR) == buffers.RECORD


UNUSED = """
from pathlib import Path
from linkerd_proxy.transport import buffers

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1])

before = resident()
for buffer in (buffers.WIRE, buffers.PLAIN, buffers.CLEAR):
    buffer[:] = bytes(len(buffer))
print(resident() - before)
"""


def test_they_cost_an_idle_proxy_no_memory() -> None:
    done = subprocess.run([sys.executable, "-c", UNUSED], capture_output=True, text=True, timeout=60, check=True)
    pages = sum(map(len, (buffers.WIRE, buffers.PLAIN, buffers.CLEAR))) // 4096
    assert int(done.stdout) >= pages * 0.9
