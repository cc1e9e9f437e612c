"""Process trees and their memory."""

import os
import subprocess

from linkerd_sandbox import procs


def test_a_tree_has_its_children() -> None:
    child = subprocess.Popen(["sleep", "100"])
    try:
        assert {os.getpid(), child.pid} <= set(procs.tree(os.getpid()))
        used = procs.usage(os.getpid())
        assert used.processes >= 2
        assert used.pss_bytes > 1_000_000
    finally:
        child.kill()
        child.wait()
