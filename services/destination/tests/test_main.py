"""The process: a bad environment, and starting with nothing there."""

import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

from linkerd_testkit.ports import eventually, free_port


def test_a_bad_environment_exits_64_and_names_every_variable() -> None:
    environ = {**os.environ, "LINKERD_ADMIN_ADDR": "x", "LINKERD_DEBUG_ADDR": "y"}
    done = subprocess.run(
        [sys.executable, "-m", "linkerd_destination"], env=environ, capture_output=True, text=True, check=False
    )
    assert done.returncode == 64
    assert [line.partition(":")[0] for line in done.stderr.splitlines()] == ["LINKERD_ADMIN_ADDR", "LINKERD_DEBUG_ADDR"]


async def test_it_starts_alone_and_stops_when_asked(tmp_path: Path) -> None:
    admin = free_port()
    environ = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "LINKERD_ADMIN_ADDR": f"127.0.0.1:{admin}",
        "LINKERD_DEBUG_ADDR": f"127.0.0.1:{free_port()}",
    }
    with subprocess.Popen([sys.executable, "-m", "linkerd_destination"], env=environ, stderr=subprocess.DEVNULL) as run:

        def ready() -> str:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{admin}/ready") as response:
                    return str(response.read())
            except urllib.error.HTTPError as error:
                with error:
                    return error.read().decode()
            except OSError:
                return ""

        text = await eventually(lambda: "Kubernetes API not configured" in (said := ready()) and said, seconds=20)
        assert str(text).startswith("not ready: cache of configuration not listed yet; cache of trust bundle")
        run.send_signal(signal.SIGTERM)
        assert run.wait(10) == 0
