"""Injected and InjectionSkipped, posted on the pod's owner beside the work: no pod waits for an Event's answer.

An owner gets 25 Events at once and then one every five minutes (client-go's spam filter): a Deployment scaled to a
thousand pods is not a thousand writes.
"""

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Callable

from linkerd_injector.owners import Owner
from linkerd_kube import EventRecorder, ObjectRef
from linkerd_rules.injection import Injection

log = logging.getLogger(__name__)

_CAPACITY = 1000
_OWNERS = 4096
_BURST = 25.0
_SECONDS_EACH = 300.0


class Events:
    """A bounded queue in front of the recorder. What does not fit is dropped: Events are for people."""

    def __init__(self, recorder: EventRecorder, clock: Callable[[], float] = time.monotonic) -> None:
        self._recorder = recorder
        self._clock = clock
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()
        """Of each owner, by uid: Events that it may still have, and when that was."""
        self._queue: asyncio.Queue[tuple[ObjectRef, str, str]] = asyncio.Queue(_CAPACITY)

    def injection(self, owner: Owner, injection: Injection) -> None:
        """One pod. Pods that nothing owns have no name yet when they are reviewed: no Event."""
        if owner.reference is None or not self._admits(owner.reference.uid):
            return
        if injection.injected:
            event = (owner.reference, "Injected", "Linkerd sidecar proxy injected")
        else:
            reasons = ", ".join(reason.message for reason in injection.reasons)
            event = (owner.reference, "InjectionSkipped", f"Linkerd sidecar proxy injection skipped: {reasons}")
        try:
            self._queue.put_nowait(event)
        except asyncio.QueueFull:
            log.debug("event dropped: %s", event[1])

    @property
    def waiting(self) -> int:
        """Events not written yet."""
        return self._queue.qsize()

    def _admits(self, uid: str) -> bool:
        now = self._clock()
        left, since = self._left.pop(uid, (_BURST, now))
        left = min(_BURST, left + (now - since) / _SECONDS_EACH)
        admitted = left >= 1
        self._left[uid] = (left - 1 if admitted else left, now)
        if len(self._left) > _OWNERS:
            self._left.popitem(last=False)
        return admitted

    async def run(self) -> None:
        """Write what is queued, forever."""
        while True:
            involved, reason, message = await self._queue.get()
            await self._recorder.record(involved, "Normal", reason, message)
