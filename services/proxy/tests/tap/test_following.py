"""Taps of a worker that follows: begun, sent on, held back where nobody reads, ended."""

import asyncio
from collections.abc import Sequence

from services.proxy.tests.http.recording import exchange
from services.proxy.tests.tap.test_session import INBOUND, answer

from linkerd_contract.tap import TapEvent, TapMatch, TapRequest
from linkerd_proxy.http.watch import Hooks
from linkerd_proxy.tap import FollowingTaps
from linkerd_proxy.tap.session import MAX_EVENTS
from linkerd_proxy.transport.tasks import Tasks
from linkerd_proxy.transport.turn import Turn
from linkerd_testkit.ports import eventually

ONE = TapRequest(limit=1, match=TapMatch(), max_rps=1e6)


class Taps:
    """Those of one worker; the first worker reads while `reads` is set."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self.hooks = Hooks()
        self.sent: list[tuple[int, TapEvent]] = []
        self.reads = asyncio.Event()
        self.reads.set()
        self.taps = FollowingTaps(self.hooks, Turn(loop), Tasks(loop), self._send)

    async def _send(self, number: int, events: Sequence[TapEvent]) -> None:
        self.sent += [(number, event) for event in events]
        await self.reads.wait()

    def request(self) -> None:
        x = exchange()
        for hook in self.hooks.inbound:
            hook(x, INBOUND)
        answer(x)

    async def begin(self, number: int) -> None:
        before = len(self.hooks.inbound)
        self.taps.order(number, ONE)
        await eventually(lambda: len(self.hooks.inbound) == before + 1)


async def test_what_is_seen_is_sent_until_the_first_worker_has_enough() -> None:
    worker = Taps()
    await worker.begin(3)
    await worker.begin(4)
    worker.request()
    worker.request()
    await eventually(lambda: len(worker.sent) == 12)
    for number in (3, 4):
        assert [event.stream for of, event in worker.sent if of == number] == [1, 1, 1, 2, 2, 2]
    worker.taps.order(3, None)
    worker.taps.order(3, None)
    await eventually(lambda: len(worker.hooks.inbound) == 1)
    worker.taps.order(4, None)
    await eventually(lambda: not worker.hooks.inbound and not len(worker.taps))


async def test_what_the_first_worker_does_not_read_is_dropped_and_counted() -> None:
    worker = Taps()
    worker.reads.clear()
    await worker.begin(3)
    worker.request()
    await eventually(lambda: len(worker.sent) == 3)
    for _ in range(MAX_EVENTS):
        worker.request()
    assert len(worker.sent) == 3
    worker.reads.set()
    await eventually(lambda: len(worker.sent) == 3 + MAX_EVENTS)
    worker.request()
    await eventually(lambda: len(worker.sent) == 6 + MAX_EVENTS)
    assert worker.sent[-1][1].dropped == 2 * MAX_EVENTS
    worker.taps.order(3, None)
    await eventually(lambda: not worker.hooks.inbound)
