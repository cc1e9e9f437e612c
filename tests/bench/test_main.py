"""The command line of the bench, without measuring anything."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from bench.process import Process


def bench(*arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "bench", *arguments],
        env=os.environ | env,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(("paris",), "no such part: paris"), (("pairs", "--only", "HTTP/3"), "no such load: HTTP/3")],
)
def test_what_is_not_there_is_named(arguments: tuple[str, ...], message: str) -> None:
    result = bench(*arguments)
    assert result.returncode == 2
    assert message in result.stderr


def test_what_is_not_implemented_says_so() -> None:
    result = bench(LINKERD2_PROXY_BIN="/somewhere/linkerd2-proxy")
    assert result.returncode == 1
    assert "not implemented" in result.stderr


def test_a_program_that_is_missing_is_one_line_with_the_cure(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="no-such-peer is not installed; `make setup-bench`"):
        Process("peer", ["no-such-peer", "-c", "x"], 0, tmp_path)
