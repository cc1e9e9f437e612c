"""Taps of a worker that is not the first one: what they see goes there, where it is numbered, limited and written.

As with the first worker's own taps, what waits is bounded and what does not fit is dropped and counted: nothing more is
taken from a session before the first worker has read what was sent.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Sequence

from msgspec.structs import replace

from linkerd_contract.tap import TapEvent, TapRequest
from linkerd_proxy.http.watch import Hooks
from linkerd_proxy.tap.session import TapSession
from linkerd_proxy.transport.tasks import Tasks
from linkerd_proxy.transport.turn import Turn

WAIT_SECONDS = 10.0

Send = Callable[[int, Sequence[TapEvent]], Awaitable[None]]


class FollowingTaps:
    """By the numbers that the first worker gives them."""

    def __init__(self, hooks: Hooks, turn: Turn, tasks: Tasks, send: Send) -> None:
        """`send` tells the first worker, and waits while that does not read."""
        self._hooks = hooks
        self._turn = turn
        self._tasks = tasks
        self._send = send
        self._running: dict[int, asyncio.Task[None]] = {}

    def __len__(self) -> int:
        return len(self._running)

    def order(self, number: int, request: TapRequest | None) -> None:
        """Begin a tap, or, without a request, end it. Raises BadMatch, which the first worker had raised before."""
        if request is not None:
            # The first one counts; it says when there were enough.
            session = TapSession(replace(request, limit=sys.maxsize), self._turn, number)
            self._running[number] = self._tasks.spawn(self._run(number, session))
        elif number in self._running:
            self._running.pop(number).cancel()

    async def _run(self, number: int, session: TapSession) -> None:
        self._hooks.add(session.hook)
        try:
            while not session.done:
                events = await session.wait(WAIT_SECONDS)
                if events:
                    await self._send(number, events)
        finally:
            self._hooks.remove(session.hook)
