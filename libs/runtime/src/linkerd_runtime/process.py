"""The life of a control plane process: loop, signals, owned background tasks, listeners.

Every background task has an owner: one that fails, or ends although it should not, is logged and ends the process
with exit code 1, so that Kubernetes starts it again; nothing fails in silence.
"""

import asyncio
import logging
import signal
import sys
from collections.abc import Awaitable, Callable, Coroutine
from ssl import SSLContext

import uvloop
from aiohttp import web

from linkerd_runtime.bad_requests import guard

log = logging.getLogger(__name__)

GRACE_SECONDS = 10.0
"""How long `main` may take to return once it was asked to stop."""


class Stop:
    """Asks a process to end, and owns its background tasks."""

    def __init__(self) -> None:
        self._event = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self.failed = False

    def request(self) -> None:
        """Ask to stop. Asking twice changes nothing."""
        self._event.set()

    def fail(self, reason: str) -> None:
        """Stop with exit code 1; `reason` is a sentence for people, logged without a traceback."""
        log.error("%s", reason)
        self.failed = True
        self.request()

    @property
    def requested(self) -> bool:
        """Whether someone has asked."""
        return self._event.is_set()

    async def wait(self) -> None:
        """Until someone asks."""
        await self._event.wait()

    def spawn(self, name: str, work: Coroutine[object, object, None]) -> asyncio.Task[None]:
        """Run `work` until the process stops. Work that ends earlier, with an error or without, is a failure."""
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    async def close(self) -> None:
        """Cancel what was spawned, and wait for it."""
        tasks = list(self._tasks)
        self._tasks.clear()
        for task in tasks:
            task.remove_done_callback(self._done)
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if task.cancelled():
            return
        error = task.exception()
        if error is None and self.requested:
            return
        log.error("%s ended: the process stops", task.get_name(), exc_info=error)
        self.failed = True
        self.request()


async def supervise(main: Callable[[Stop], Awaitable[None]], stop: Stop) -> int:
    """Run `main` until it returns; the exit code. `main` returns by itself soon after `stop` was requested."""
    work = asyncio.ensure_future(main(stop))
    asked = asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait({work, asked}, return_when=asyncio.FIRST_COMPLETED)
        if not work.done():
            await asyncio.wait({work}, timeout=GRACE_SECONDS)
        if not work.done():
            log.error("still busy %s s after the request to stop: cancelled", GRACE_SECONDS)
            work.cancel()
        await asyncio.gather(work, return_exceptions=True)
    finally:
        asked.cancel()
        work.cancel()
        await asyncio.gather(asked, work, return_exceptions=True)
        await stop.close()
    if work.cancelled():
        return 1
    error = work.exception()
    if error is not None:
        log.error("the process stops", exc_info=error)
        return 1
    return 1 if stop.failed else 0


def run(main: Callable[[Stop], Awaitable[None]]) -> None:
    """Run a process on uvloop until `main` returns, SIGTERM or SIGINT. Ends by SystemExit: 0, or 1 after a failure."""

    async def whole() -> int:
        stop = Stop()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.request)
        return await supervise(main, stop)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        code = runner.run(whole())
    sys.exit(code)


async def serve(app: web.Application, host: str, port: int, ssl: SSLContext | None = None) -> web.AppRunner:
    """Listen; the runner's `addresses` say where (port 0: the kernel chose), its `cleanup` ends it. Raises OSError."""
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=5.0)
    await runner.setup()
    guard(runner.server)
    try:
        await web.TCPSite(runner, host, port, ssl_context=ssl).start()
    except BaseException:
        await runner.cleanup()
        raise
    return runner
