"""`linkerd viz tap`."""

import asyncio
import json
import signal

import pytest
from cli.tests.terminal import LINKERD, Terminal
from cli.tests.viz.taps import tapping

HEAD = "id=1:0 proxy=in src=10.42.0.9:40000 dst=10.42.0.12:8080 tls=true"
PATH = "/apis/tap.linkerd.io/v1alpha1/watch/namespaces/emojivoto/deployments/web/tap"


async def test_lines(terminal: Terminal) -> None:
    async with tapping(terminal) as taps:
        said = await terminal.linkerd("viz", "tap", "deploy/web", "-n", "emojivoto")
        assert (said.code, said.err) == (0, "")
        assert said.out == (
            f"req {HEAD} :method=GET :path=/api/list :authority=web-svc:80 "
            "src_deployment=vote-bot dst_deployment=web\n"
            f"rsp {HEAD} :status=200 latency=1.9ms\n"
            f"end {HEAD} duration=0.1ms response-length=5B\n"
        )
        ((path, query),) = taps.asked
        assert (path, query.headers) == (PATH, False)


async def test_wide_and_json(terminal: Terminal) -> None:
    async with tapping(terminal) as taps:
        said = await terminal.linkerd("viz", "tap", "deploy/web", "-n", "emojivoto", "-o", "wide")
        assert "proxy=in  src=" in said.out
        assert "src_pod=vote-bot-1" in said.out
        said = await terminal.linkerd("viz", "tap", "deploy/web", "-n", "emojivoto", "-o", "json")
        first, _ = json.JSONDecoder().raw_decode(said.out)
        assert first["requestInitEvent"]["path"] == "/api/list"
        assert taps.asked[1][1].headers


@pytest.mark.usefixtures("interruptible")
async def test_ctrl_c_ends_it_quietly(terminal: Terminal) -> None:
    async with tapping(terminal) as taps:
        taps.hold = True
        process = await asyncio.create_subprocess_exec(
            *(LINKERD, "viz", "tap", "deploy/web", "-n", "emojivoto"),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=terminal.environment,
        )
        assert process.stdout is not None
        assert (await asyncio.wait_for(process.stdout.readline(), 30)).startswith(b"req ")
        process.send_signal(signal.SIGINT)
        _, err = await asyncio.wait_for(process.communicate(), 30)
        assert (process.returncode, err) == (0, b"")


async def test_a_reader_that_leaves_ends_it_quietly(terminal: Terminal) -> None:
    async with tapping(terminal) as taps:
        taps.events *= 500
        taps.hold = True
        process = await asyncio.create_subprocess_exec(
            *("sh", "-c", f"{LINKERD} viz tap deploy/web -n emojivoto | head -n 1"),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=terminal.environment,
        )
        out, err = await asyncio.wait_for(process.communicate(), 30)
        assert (process.returncode, out.count(b"\n"), err) == (0, 1, b"")
