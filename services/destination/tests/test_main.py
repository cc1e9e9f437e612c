"""The process: a bad environment, and starting with nothing there."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import aiohttp

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
    command = (sys.executable, "-m", "linkerd_destination")
    run = await asyncio.create_subprocess_exec(*command, env=environ, stderr=subprocess.DEVNULL)
    try:
        async with aiohttp.ClientSession() as http:

            async def unready() -> str:
                try:
                    async with http.get(f"http://127.0.0.1:{admin}/ready") as response:
                        said = await response.text()
                except aiohttp.ClientError:
                    return ""
                return said if "Kubernetes API not configured" in said else ""

            text = await eventually(unready)
        assert text.startswith("not ready: cache of configuration not listed yet; cache of trust bundle")
        run.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(run.wait(), 30) == 0
    finally:
        if run.returncode is None:
            run.kill()
            await run.wait()
