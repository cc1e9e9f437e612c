"""Asks the checks in order, and again where waiting helps."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable

from linkerd_cli.check.model import Answer, Category, Check, Failed, Skipped
from linkerd_cli.check.state import State
from linkerd_cli.errors import CliError

RETRY_SECONDS = 1.0


class Runner:
    """`waiting` is told of each check before it is asked (reason ""), and of the reason before it is asked again."""

    def __init__(self, state: State, wait_seconds: float, waiting: Callable[[Check, str], None]) -> None:
        self._state = state
        self._deadline = time.monotonic() + wait_seconds
        self._waiting = waiting
        self.success = True
        self.stopped = False
        """After a fatal failure."""

    async def run(self, categories: list[Category]) -> AsyncIterator[tuple[Category, Answer]]:
        """Every answer as it comes."""
        for category in categories:
            for check in category.checks:
                if self.stopped:
                    return
                answer = await self._ask(check)
                if answer is None:
                    continue
                if answer.result == "error":
                    self.success = False
                    self.stopped = check.fatal
                yield category, answer

    async def _ask(self, check: Check) -> Answer | None:
        from linkerd_kube.errors import ApiError

        self._waiting(check, "")
        while True:
            try:
                await check.run(self._state)
            except Skipped:
                return None
            except (Failed, CliError, ApiError) as error:
                reason = str(error)
                if check.retry and time.monotonic() + RETRY_SECONDS < self._deadline:
                    self._waiting(check, reason)
                    await asyncio.sleep(RETRY_SECONDS)
                    continue
                return Answer(check, "warning" if check.warning else "error", reason)
            return Answer(check, "success")
