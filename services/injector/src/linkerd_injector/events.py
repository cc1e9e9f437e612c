"""Injected and InjectionSkipped, posted on the pod's owner beside the work: no pod waits for an Event's answer."""

import asyncio
import logging

from linkerd_injector.owners import Owner
from linkerd_kube import EventRecorder, ObjectRef
from linkerd_rules.injection import Injection, SkipReason

log = logging.getLogger(__name__)

_CAPACITY = 1000
# A namespace that is not meshed needs no Event for every pod in it (Linkerd posts none, either).
_SILENT = frozenset({SkipReason.ANNOTATION_ABSENT})


class Events:
    """A bounded queue in front of the recorder. What does not fit is dropped: Events are for people."""

    def __init__(self, recorder: EventRecorder) -> None:
        self._recorder = recorder
        self._queue: asyncio.Queue[tuple[ObjectRef, str, str]] = asyncio.Queue(_CAPACITY)

    def injection(self, owner: Owner, injection: Injection) -> None:
        """One pod. Pods that nothing owns have no name yet when they are reviewed: no Event."""
        if owner.reference is None or set(injection.reasons) == _SILENT:
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

    async def run(self) -> None:
        """Write what is queued, forever."""
        while True:
            involved, reason, message = await self._queue.get()
            await self._recorder.record(involved, "Normal", reason, message)
