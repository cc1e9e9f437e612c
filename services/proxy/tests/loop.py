"""Tests on uvloop, as the proxy runs: `@on_uvloop` on an async test."""

import asyncio
import functools
from collections.abc import Callable, Coroutine
from typing import ParamSpec

import uvloop

P = ParamSpec("P")

TEST_SECONDS = 120.0


def on_uvloop(test: Callable[P, Coroutine[object, object, None]]) -> Callable[P, None]:
    """Run the test in a uvloop of its own, with a deadline; what its loop's callbacks raise fails it."""

    @functools.wraps(test)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        problems: list[str] = []

        async def watched() -> None:
            loop = asyncio.get_running_loop()
            loop.set_exception_handler(lambda _loop, context: problems.append(repr(context)))
            await asyncio.wait_for(test(*args, **kwargs), TEST_SECONDS)

        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(watched())
        assert not problems, problems

    return run
