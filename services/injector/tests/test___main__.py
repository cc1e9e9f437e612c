"""The process: bad settings, no cluster."""

import subprocess
import sys
from pathlib import Path


def run(env: dict[str, str], directory: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "linkerd_injector"],
        env={"HOME": str(directory), "PATH": "/usr/bin:/bin", **env},
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_every_bad_variable_is_named(tmp_path: Path) -> None:
    done = run({"LINKERD_LISTEN_ADDR": "x", "LINKERD_LOG_LEVEL": "loud"}, tmp_path)
    assert done.returncode == 64
    assert [line.split(":")[0] for line in done.stderr.splitlines()] == ["LINKERD_LISTEN_ADDR", "LINKERD_LOG_LEVEL"]


def test_no_cluster_is_one_line(tmp_path: Path) -> None:
    done = run({}, tmp_path)
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert "no cluster to talk to" in done.stderr
