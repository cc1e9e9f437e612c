"""Logs: both forms, both sources. In a process of its own: logging is global."""

import json
import subprocess
import sys

import pytest

from linkerd_runtime import logs

SCRIPT = """
import logging, structlog
from linkerd_runtime import logs
logs.configure({level!r}, {fmt!r})
logging.getLogger("library").warning("from %s", "logging")
log = structlog.stdlib.get_logger("ours")
log.info("certified", workload="web", count=1)
try:
    raise ValueError("why")
except ValueError:
    log.exception("failed")
"""


def run(level: str, fmt: str) -> list[str]:
    script = SCRIPT.format(level=level, fmt=fmt)
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True, timeout=60)
    assert done.stdout == ""
    return done.stderr.splitlines()


def test_json_is_one_object_a_line() -> None:
    first, second, third = (json.loads(line) for line in run("info", "json"))
    assert (first["event"], first["level"], first["logger"]) == ("from logging", "warning", "library")
    assert (second["event"], second["workload"], second["count"]) == ("certified", "web", 1)
    assert "ValueError: why" in third["exception"]
    assert second["timestamp"].endswith("Z")


def test_plain_is_for_people() -> None:
    lines = run("info", "plain")
    assert "from logging" in lines[0]
    assert "workload=web" in lines[1]
    assert "ValueError: why" in "\n".join(lines)


def test_levels() -> None:
    assert len([line for line in run("warn", "plain") if "certified" in line]) == 0
    assert run("off", "json") == []


def test_a_level_that_is_none() -> None:
    with pytest.raises(ValueError, match="loud"):
        logs.configure("loud", "plain")
