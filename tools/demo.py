"""`make demo`: the first part of docs/tutorial.md on a fresh sandbox, each command shown with its output.

The cluster is left running. On failure: what was expected, what came, and the logs that show why; exit 1.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from linkerd_sandbox.testing.start import LINKERD, user_environment
from tools.tutorial import Outcome, Reader, normal, parse

ROOT = Path(__file__).resolve().parent.parent


def sandbox(*arguments: str) -> subprocess.CompletedProcess[str]:
    """`linkerd sandbox …`, its output captured."""
    return subprocess.run([LINKERD, "sandbox", *arguments], capture_output=True, text=True, check=False)


def show(outcome: Outcome) -> None:
    """A command and its output, as on a terminal."""
    print(f"$ {outcome.command}\n{outcome.output.rstrip()}\n", flush=True)


def explain(outcome: Outcome) -> None:
    """Where the output differs, and the sandbox's own log."""
    print(f"demo: the output of `{outcome.command}` is not what docs/tutorial.md says.", file=sys.stderr)
    seen, expected = normal(outcome.output), normal(outcome.expected)
    for line in expected:
        if line not in seen:
            print(f"  missing: {line}", file=sys.stderr)
    for line in seen:
        if line not in expected:
            print(f"  unexpected: {line}", file=sys.stderr)
    print("demo: the sandbox's log ends with:", file=sys.stderr)
    print(sandbox("logs").stdout[-4000:], file=sys.stderr)


def main() -> int:
    """Run the demo; the exit code."""
    began = time.monotonic()
    sandbox("down")
    print("demo: starting a cluster (linkerd sandbox up)", flush=True)
    up = sandbox("up")
    if up.returncode:
        print(up.stdout + up.stderr, file=sys.stderr)
        return 1
    kubeconfig = sandbox("kubeconfig").stdout.strip()
    with tempfile.TemporaryDirectory() as shims, tempfile.TemporaryDirectory() as directory:
        shutil.copytree(ROOT / "examples/emojivoto", directory, dirs_exist_ok=True)
        environment = user_environment(kubeconfig, Path(shims))
        reader = Reader(Path(directory), environment, lambda text: print(f"demo: waiting for {text}", flush=True))
        for block in parse((ROOT / "docs/tutorial.md").read_text()):
            if not block.demo:
                continue
            for outcome in reader.run(block):
                show(outcome)
                if not outcome.good:
                    explain(outcome)
                    return 1
    print(f"demo: done in {time.monotonic() - began:.0f} s; the cluster is running. To look further:")
    print(f"    export KUBECONFIG={kubeconfig} PATH={LINKERD.parent}:$PATH")
    print("    linkerd viz stat deploy        linkerd viz edges po -n emojivoto")
    print("    linkerd sandbox status         linkerd sandbox logs")
    print("Stop it with: make demo-down")
    return 0


if __name__ == "__main__":
    sys.exit(main())
