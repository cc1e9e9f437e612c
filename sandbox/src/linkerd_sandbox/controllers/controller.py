"""The loop around a reconcile function: a queue of keys, each once, and the actions carried out.

A key that fails is tried again with back-off; nothing that one object does stops the others.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from linkerd_kube.client import KubeClient
from linkerd_kube.errors import AlreadyExists, ApiError, Conflict, NotFound
from linkerd_kube.events import EventRecorder
from linkerd_kube.objects import JsonObject, ObjectRef
from linkerd_kube.resource import Resource
from linkerd_sandbox.controllers.actions import Action, Create, Delete, Key, Note, Patch, Plan
from linkerd_sandbox.controllers.informer import Informer

log = logging.getLogger(__name__)
_BACKOFF_SECONDS: Final = (0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
_AT_ONCE: Final = 16

Reconcile = Callable[[Key], Plan | Awaitable[Plan]]


class Executor:
    """Carries actions out through the API, and waits until the informers have seen what was written."""

    def __init__(self, client: KubeClient, informers: Mapping[Resource, Informer], recorder: EventRecorder) -> None:
        self._client = client
        self._informers = informers
        self._recorder = recorder
        self._notes: set[asyncio.Task[None]] = set()

    async def run(self, actions: "tuple[Action, ...]") -> None:
        """Creations that stand next to each other are made together; everything else in order. Raises ApiError."""
        index = 0
        while index < len(actions):
            batch = [actions[index]]
            while (
                isinstance(batch[0], Create)
                and len(batch) < _AT_ONCE
                and index + len(batch) < len(actions)
                and isinstance(actions[index + len(batch)], Create)
            ):
                batch.append(actions[index + len(batch)])
            index += len(batch)
            results = await asyncio.gather(*(self._one(action) for action in batch), return_exceptions=True)
            for result in results:
                if isinstance(result, BaseException):
                    raise result

    async def _one(self, action: Action) -> None:
        match action:
            case Create():
                await self._create(action)
            case Patch(resource, namespace, name, body, subresource):
                path = resource.path(namespace or None, name, subresource)
                await self._seen(resource, await self._client.patch(path, body))
            case Delete():
                await self._delete(action)
            case Note():
                self._note(action)

    def _note(self, note: Note) -> None:
        about = ObjectRef.of(note.about)
        task = asyncio.create_task(self._recorder.record(about, note.type, note.reason, note.message))
        self._notes.add(task)
        task.add_done_callback(self._notes.discard)

    async def _create(self, action: Create) -> None:
        resource, owner = action.resource, action.owner
        try:
            created = await self._client.create(resource.path(action.namespace or None), action.body)
        except ApiError as error:
            if owner is not None and not isinstance(error, AlreadyExists):
                self._note(Note(owner, "Warning", "FailedCreate", f"Error creating: {error}"))
            raise
        if owner is not None:
            message = f"Created {resource.kind.lower()}: {created['metadata']['name']}"
            self._note(Note(owner, "Normal", "SuccessfulCreate", message))
        await self._seen(resource, created)

    async def _seen(self, resource: Resource, written: JsonObject) -> None:
        informer = self._informers.get(resource)
        if informer is not None:
            await informer.caught_up(written)

    async def _delete(self, action: Delete) -> None:
        options: JsonObject = {"preconditions": {"uid": action.uid}, "propagationPolicy": action.propagation}
        if action.grace_seconds is not None:
            options["gracePeriodSeconds"] = action.grace_seconds
        path = action.resource.path(action.namespace or None, action.name)
        try:
            await self._client.delete(path, options)
        except (NotFound, Conflict):
            return  # gone, or another object by now
        informer = self._informers.get(action.resource)
        if informer is not None:
            await informer.missing((action.namespace, action.name), action.uid)


class Controller:
    """One kind's controller. `enqueue` from listeners; `run` forever."""

    def __init__(self, name: str, reconcile: Reconcile, executor: Executor) -> None:
        self.name = name
        self._reconcile = reconcile
        self._executor = executor
        self._queue: dict[Key, None] = {}
        self._wake = asyncio.Event()
        self._failures: dict[Key, int] = {}
        self._timers: dict[Key, asyncio.TimerHandle] = {}

    def enqueue(self, key: Key) -> None:
        self._queue[key] = None
        self._wake.set()

    def enqueue_in(self, key: Key, seconds: float) -> None:
        """Again after a while; the earliest wins no argument: the last call does."""
        old = self._timers.pop(key, None)
        if old is not None:
            old.cancel()
        self._timers[key] = asyncio.get_running_loop().call_later(seconds, self.enqueue, key)

    async def run(self) -> None:
        """Forever."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._queue:
                key = next(iter(self._queue))
                del self._queue[key]
                await self._process(key)

    async def _process(self, key: Key) -> None:
        try:
            plan = self._reconcile(key)
            if not isinstance(plan, Plan):
                plan = await plan
            await self._executor.run(tuple(plan.actions))
        except (Conflict, NotFound) as error:
            if isinstance(error, AlreadyExists):
                log.info("%s %s/%s: %s", self.name, *key, error)
            self._again(key)
        except ApiError as error:
            log.warning("%s %s/%s: %s", self.name, *key, error)
            self._again(key)
        except Exception:
            log.exception("%s %s/%s", self.name, *key)
            self._again(key)
        else:
            self._failures.pop(key, None)
            if plan.again_in is not None:
                self.enqueue_in(key, plan.again_in)

    def _again(self, key: Key) -> None:
        failures = self._failures.get(key, 0)
        self._failures[key] = failures + 1
        self.enqueue_in(key, _BACKOFF_SECONDS[min(failures, len(_BACKOFF_SECONDS) - 1)])
