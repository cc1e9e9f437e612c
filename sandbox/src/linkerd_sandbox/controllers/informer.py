"""A kind's objects as the API last showed them, for several controllers at once.

Writers wait for their own writes to come back (`caught_up`): who reconciles against a picture older than what it just
did would do it twice.
"""

import asyncio
from collections.abc import Callable
from typing import Final

from linkerd_kube.client import KubeClient
from linkerd_kube.objects import JsonObject
from linkerd_kube.reflector import Reflector
from linkerd_kube.resource import Resource
from linkerd_sandbox.controllers.actions import Key
from linkerd_sandbox.fields import labels_of, owner_of

_PATIENCE_SECONDS: Final = 5.0
Listener = Callable[[JsonObject], None]


def key_of(obj: JsonObject) -> Key:
    return str(obj["metadata"].get("namespace") or ""), str(obj["metadata"]["name"])


def uid_of(obj: JsonObject) -> str:
    return str(obj["metadata"]["uid"])


class Informer:
    """One list and watch, any number of listeners; each is told of every object that came, changed or went.

    Where labels changed, also of the object as it was.
    """

    def __init__(self, client: KubeClient, resource: Resource, *, field_selector: str = "") -> None:
        self.resource = resource
        self._reflector = Reflector(client, resource, self, field_selector=field_selector)
        self._objects: dict[Key, JsonObject] = {}
        self._by_owner: dict[str, set[Key]] = {}
        self._listeners: list[Listener] = []
        self._version = 0
        self._moved = asyncio.Event()

    @property
    def synced(self) -> asyncio.Event:
        return self._reflector.synced

    def listen(self, listener: Listener) -> None:
        self._listeners.append(listener)

    async def run(self) -> None:
        await self._reflector.run()

    def get(self, key: Key) -> JsonObject | None:
        return self._objects.get(key)

    def all(self, namespace: str | None = None) -> list[JsonObject]:
        if namespace is None:
            return list(self._objects.values())
        return [obj for (own, _), obj in self._objects.items() if own == namespace]

    def controlled_by(self, uid: str) -> list[JsonObject]:
        """Objects whose controlling owner has this uid."""
        return [self._objects[key] for key in sorted(self._by_owner.get(uid, ()))]

    async def caught_up(self, written: JsonObject) -> None:
        """Waits until the watch has shown this write, or 5 s: the next change reconciles again anyway."""
        version = str(written.get("metadata", {}).get("resourceVersion", ""))
        if not version.isdigit():
            return
        await self._wait(lambda: self._version >= int(version))

    async def missing(self, key: Key, uid: str) -> None:
        """Waits until the object is gone or going."""

        def gone() -> bool:
            obj = self._objects.get(key)
            return obj is None or uid_of(obj) != uid or "deletionTimestamp" in obj["metadata"]

        await self._wait(gone)

    async def _wait(self, condition: Callable[[], bool]) -> None:
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                while not condition():
                    await self._moved.wait()
        except TimeoutError:
            return

    # -- reflector handler ------------------------------------------------------------------------------------------

    def on_listed(self, objs: list[JsonObject], /) -> None:
        there = {key_of(obj) for obj in objs}
        for key in [key for key in self._objects if key not in there]:
            self.on_deleted(self._objects[key])
        for obj in objs:
            self.on_applied(obj)

    def on_applied(self, obj: JsonObject, /) -> None:
        key = key_of(obj)
        obj.setdefault("kind", self.resource.kind)  # items of a list do not say it
        obj.setdefault("apiVersion", self.resource.api_version)
        old = self._objects.get(key)
        if old is not None:
            self._unlink(key, old)
        self._objects[key] = obj
        owner = owner_of(obj)
        if owner is not None:
            self._by_owner.setdefault(str(owner["uid"]), set()).add(key)
        if old is not None and labels_of(old) != labels_of(obj):
            self._tell(old)  # whoever has selected it so far must look again too
        self._tell(obj)

    def on_deleted(self, obj: JsonObject, /) -> None:
        key = key_of(obj)
        old = self._objects.pop(key, None)
        if old is not None:
            self._unlink(key, old)
        obj.setdefault("kind", self.resource.kind)
        obj.setdefault("apiVersion", self.resource.api_version)
        self._tell(obj)

    def _unlink(self, key: Key, obj: JsonObject) -> None:
        owner = owner_of(obj)
        if owner is not None:
            keys = self._by_owner.get(str(owner["uid"]), set())
            keys.discard(key)
            if not keys:
                self._by_owner.pop(str(owner["uid"]), None)

    def _tell(self, obj: JsonObject) -> None:
        version = str(obj["metadata"].get("resourceVersion", ""))
        if version.isdigit():
            self._version = max(self._version, int(version))
        self._moved.set()
        self._moved = asyncio.Event()
        for listener in self._listeners:
            listener(obj)
