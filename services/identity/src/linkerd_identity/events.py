"""Events beside the work: certificates are never held up by the API server's answer to an Event."""

import asyncio
import logging
from dataclasses import dataclass

from linkerd_kube import ApiError, EventRecorder, KubeClient, ObjectRef
from linkerd_kube.resources import DEPLOYMENTS

log = logging.getLogger(__name__)

_CAPACITY = 1000
_PAUSE_SECONDS = 0.05
"""Between two, so that ten thousand pods that start at once cost neither us nor the API server."""


@dataclass(frozen=True, slots=True)
class _Event:
    involved: ObjectRef
    type: str
    reason: str
    message: str


class Events:
    """A bounded queue in front of the recorder. What does not fit is dropped: Events are for people."""

    def __init__(self, client: KubeClient, namespace: str, pod_name: str) -> None:
        self._client = client
        self._recorder = EventRecorder(client, "linkerd-identity", pod_name)
        self._queue: asyncio.Queue[_Event] = asyncio.Queue(_CAPACITY)
        self._queued: set[_Event] = set()
        self._deployment = ObjectRef("Deployment", "linkerd-identity", namespace, "", "apps/v1")

    def on_account(self, namespace: str, name: str, uid: str, reason: str, message: str) -> None:
        """A Normal Event on a ServiceAccount."""
        self._put(_Event(ObjectRef("ServiceAccount", name, namespace, uid), "Normal", reason, message))

    def on_deployment(self, type: str, reason: str, message: str) -> None:
        """An Event on our own Deployment."""
        self._put(_Event(self._deployment, type, reason, message))

    async def run(self) -> None:
        """Write what is queued, forever."""
        while True:
            event = await self._queue.get()
            self._queued.discard(event)
            involved = event.involved
            if involved is self._deployment and not involved.uid:
                involved = await self._find_deployment()
            await self._recorder.record(involved, event.type, event.reason, event.message)
            await asyncio.sleep(_PAUSE_SECONDS)

    async def _find_deployment(self) -> ObjectRef:
        try:
            path = DEPLOYMENTS.path(self._deployment.namespace, self._deployment.name)
            return ObjectRef.of(await self._client.get(path))
        except ApiError as error:
            log.debug("cannot read %s: %s", self._deployment.name, error)
            return self._deployment

    def _put(self, event: _Event) -> None:
        if event in self._queued:
            return  # the same is about to be written: the pods of one ServiceAccount share one
        try:
            self._queue.put_nowait(event)
            self._queued.add(event)
        except asyncio.QueueFull:
            log.debug("event dropped: %s", event.reason)
