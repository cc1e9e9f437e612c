"""Says on the objects themselves what is wrong with them: an Event, a log line, a metric.

A bad object must cost little: what was said is not said again for an hour, and the queue is bounded; what does not fit
is logged only.
"""

import asyncio
import logging
import time
from collections import OrderedDict

from linkerd_kube import EventRecorder, ObjectRef

log = logging.getLogger(__name__)

_QUEUE = 256
_REMEMBERED = 4096
_AGAIN_SECONDS = 3600.0


class Reports:
    """Problems, to be written by `run`."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[tuple[ObjectRef, str, str]] = asyncio.Queue(_QUEUE)
        self._said: OrderedDict[tuple[ObjectRef, str, str], float] = OrderedDict()

    def report(self, ref: ObjectRef, reason: str, message: str) -> bool:
        """Whether it is news. Never blocks."""
        key = (ref, reason, message)
        now = time.monotonic()
        said = self._said.pop(key, None)
        again = said is not None and now - said < _AGAIN_SECONDS
        self._said[key] = said if again and said is not None else now
        while len(self._said) > _REMEMBERED:
            self._said.popitem(last=False)
        if again:
            return False
        log.warning("%s %s/%s: %s: %s", ref.kind, ref.namespace, ref.name, reason, message)
        try:
            self._queue.put_nowait(key)
        except asyncio.QueueFull:
            log.warning("too many problems at once: no Event is written for this one")
        return True

    async def run(self, recorder: EventRecorder) -> None:
        """Write Events, forever."""
        while True:
            ref, reason, message = await self._queue.get()
            await recorder.record(ref, "Warning", reason, message)
