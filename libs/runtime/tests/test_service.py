"""A process from its settings to its end."""

import subprocess
import sys

SCRIPT = """
import sys
from dataclasses import dataclass
from linkerd_runtime import process, service
from linkerd_runtime.settings import Reader

@dataclass(frozen=True)
class Settings:
    log_level: str
    log_format: str
    port: int

def read():
    reader = Reader(dict(pair.split("=") for pair in sys.argv[1:]))
    settings = Settings(reader.text("LEVEL", "info"), reader.text("FORMAT", "json"), reader.port("PORT", 80))
    reader.finish()
    return settings

async def work(settings: Settings, stop: process.Stop) -> None:
    import logging
    logging.getLogger("here").info("port %d", settings.port)
    if settings.port == 81:
        stop.fail("no")

service.main(read, work)
"""


def run(*settings: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", SCRIPT, *settings], check=False, capture_output=True, text=True, timeout=60
    )


def test_settings_logs_work() -> None:
    done = run("PORT=8080")
    assert done.returncode == 0
    assert '"event": "port 8080"' in done.stderr
    assert run("PORT=8080", "LEVEL=error").stderr == ""


def test_bad_settings_are_named_one_by_one() -> None:
    done = run("PORT=x")
    assert (done.returncode, done.stdout) == (64, "")
    assert done.stderr.splitlines() == ["PORT: 'x' is not a whole number"]


def test_a_failure() -> None:
    assert run("PORT=81").returncode == 1
