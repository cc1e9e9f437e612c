"""Lifecycle hooks (postStart, preStop): exec, httpGet, sleep."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from typing import Final, Protocol

from linkerd_kube.objects import JsonObject
from linkerd_sandbox.kubelet.probes import Result, http_get
from linkerd_sandbox.kubelet.spawner import Process, StartError

_OUTPUT_BYTES: Final = 10 << 10
_HTTP_SECONDS: Final = 60.0


class Execute(Protocol):
    """Starts a command in a container."""

    def __call__(self, argv: list[str], stdout: int, stderr: int) -> Awaitable[Process]: ...


async def command(execute: Execute, argv: list[str]) -> tuple[int, str]:
    """Runs to the end: exit code and the first 10 kB of output. Cancelling kills it. Raises StartError."""
    read, write = os.pipe2(os.O_CLOEXEC)
    os.set_blocking(read, False)
    output = bytearray()
    loop = asyncio.get_running_loop()

    def on_readable() -> None:
        try:
            data = os.read(read, 65536)
        except BlockingIOError:
            return
        output.extend(data[: _OUTPUT_BYTES - len(output)])
        if not data:
            loop.remove_reader(read)

    loop.add_reader(read, on_readable)
    try:
        try:
            process = await execute(argv, write, write)
        finally:
            os.close(write)
        try:
            code = await asyncio.shield(process.exited)
        except asyncio.CancelledError:
            process.kill()
            raise
        on_readable()
    finally:
        loop.remove_reader(read)
        os.close(read)
    return code, output.decode("utf-8", "replace").strip()


async def run(hook: JsonObject, container: JsonObject, pod_ip: str, execute: Execute) -> str:
    """Runs a hook to its end; "" where it went well, else a message for the Event."""
    if action := hook.get("exec"):
        argv = [str(word) for word in action.get("command") or []]
        try:
            code, output = await command(execute, argv)
        except StartError as error:
            return f"Exec lifecycle hook ({argv}) failed - error: {error}"
        return f"Exec lifecycle hook ({argv}) exited with {code}: {output}" if code else ""
    if action := hook.get("httpGet"):
        try:
            result = await http_get(action, container, pod_ip, _HTTP_SECONDS)
        except ValueError as error:
            result = Result(False, str(error))
        return result.message
    if "sleep" in hook:
        await asyncio.sleep(float(hook["sleep"].get("seconds") or 0))
        return ""
    return f"lifecycle handler {', '.join(hook)} is not implemented in the sandbox"


def prober(execute: Callable[..., Awaitable[Process]]) -> Callable[[list[str], float], Awaitable[Result]]:
    """The exec handler of probes over a container's `execute`."""

    async def attempt(argv: list[str], timeout: float) -> Result:
        try:
            async with asyncio.timeout(timeout):
                code, output = await command(execute, argv)
        except TimeoutError:
            return Result(False, f"command timed out after {timeout:g}s")
        except StartError as error:
            return Result(False, str(error))
        return Result(code == 0, output)

    return attempt
