"""Lifecycle hooks, with plain processes in place of containers'."""

import asyncio
import subprocess

from linkerd_kube.objects import JsonObject
from linkerd_sandbox.kubelet import hooks
from linkerd_sandbox.kubelet.spawner import Process, StartError


async def execute(argv: list[str], stdout: int, stderr: int) -> Process:
    if argv == ["missing"]:
        raise StartError("executable file not found in $PATH")
    child = subprocess.Popen(argv, stdout=stdout, stderr=stderr)
    exited: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().run_in_executor(None, child.wait).add_done_callback(
        lambda done: exited.set_result(done.result())
    )
    return Process(child.pid, exited)


async def run(hook: JsonObject) -> str:
    return await hooks.run(hook, {"name": "c"}, "127.0.0.1", execute)


async def test_what_goes_well_says_nothing() -> None:
    assert await run({"exec": {"command": ["true"]}}) == ""
    assert await run({"sleep": {"seconds": 0}}) == ""


async def test_failures_say_why() -> None:
    assert await run({"exec": {"command": ["sh", "-c", "echo no; exit 3"]}}) == (
        "Exec lifecycle hook (['sh', '-c', 'echo no; exit 3']) exited with 3: no"
    )
    assert "not found in $PATH" in await run({"exec": {"command": ["missing"]}})
    assert "is not a port" in await run({"httpGet": {"port": "http"}})
    assert "not implemented" in await run({"teleport": {}})


async def test_an_exec_probe_has_its_time() -> None:
    attempt = hooks.prober(execute)
    assert (await attempt(["true"], 5)).ok
    assert (await attempt(["sh", "-c", "echo why; exit 1"], 5)).message == "why"
    assert "timed out after 0.1s" in (await attempt(["sleep", "100"], 0.1)).message


async def test_output_is_bounded() -> None:
    code, output = await hooks.command(execute, ["sh", "-c", "head -c 100000 /dev/zero | tr '\\0' x"])
    assert code == 0
    assert len(output) == 10240
