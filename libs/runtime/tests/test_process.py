"""The life of a process: signals, owned tasks, listeners."""

import asyncio
import gc
import subprocess
import sys

import aiohttp
import pytest
from aiohttp import web

from linkerd_runtime.process import Stop, serve, supervise

SCRIPT = """
import asyncio, sys
from linkerd_runtime import process

async def forever():
    await asyncio.Event().wait()

async def fails():
    raise RuntimeError("broken task")

async def main(stop):
    {body}

process.run(main)
"""


def run(body: str, *, terminate: bool = False) -> tuple[int, str]:
    script = SCRIPT.format(body=body)
    process = subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    if terminate:
        assert process.stdout.readline() == "up\n"
        process.terminate()
    _, stderr = process.communicate(timeout=60)
    return process.returncode, stderr


UP = "stop.spawn('forever', forever()); print('up', flush=True); await stop.wait()"


def test_sigterm_ends_it_well() -> None:
    assert run(UP, terminate=True) == (0, "")


def test_a_task_that_fails_ends_the_process_loudly() -> None:
    code, stderr = run("stop.spawn('worker', fails()); await stop.wait()")
    assert code == 1
    assert "worker ended" in stderr
    assert "broken task" in stderr


def test_main_that_fails() -> None:
    code, stderr = run("raise OSError('port taken')")
    assert code == 1
    assert "port taken" in stderr


def test_a_reason_for_people_has_no_traceback() -> None:
    code, stderr = run("stop.fail('no cluster')")
    assert (code, stderr) == (1, "no cluster\n")


async def test_a_task_that_ends_early_is_a_failure(caplog: pytest.LogCaptureFixture) -> None:
    async def ends() -> None:
        return

    async def main(stop: Stop) -> None:
        stop.spawn("worker", ends())
        await stop.wait()

    assert await supervise(main, Stop()) == 1
    assert "worker ended" in caplog.text


async def test_tasks_are_cancelled_at_the_end() -> None:
    ended = []

    async def works() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("works")

    async def main(stop: Stop) -> None:
        stop.spawn("works", works())
        await asyncio.sleep(0)
        assert not stop.requested

    assert await supervise(main, Stop()) == 0
    assert ended == ["works"]


async def test_serve() -> None:
    async def hello(_request: web.Request) -> web.Response:
        return web.Response(text="hello")

    app = web.Application()
    app.router.add_get("/", hello)
    runner = await serve(app, "127.0.0.1", 0)
    port = runner.addresses[0][1]
    async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{port}/") as response:
        assert await response.text() == "hello"
    taken = web.Application()
    with pytest.raises(OSError, match="address already in use"):
        await serve(taken, "127.0.0.1", port)
    await runner.cleanup()


@pytest.mark.parametrize(
    "request_line", [b"CONNECT \r\n", b"CONNECT  HTTP/1.1\r\n", b"GET \r\n", b"OPTIONS * HTTP/1.1\r\n"]
)
async def test_a_request_without_a_path_is_refused_and_no_stack_trace(
    request_line: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    problems: list[str] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _loop, context: problems.append(repr(context)))
    runner = await serve(web.Application(), "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*runner.addresses[0])
    writer.write(request_line + b"Host: a\r\nConnection: close\r\n\r\n")
    async with asyncio.timeout(30):
        answer = await reader.read()
    writer.close()
    await runner.cleanup()
    gc.collect()
    assert answer.split(b" ", 1)[1].startswith((b"400 ", b"404 ", b"405 ")), answer
    assert problems == []
    assert "Traceback" not in caplog.text
