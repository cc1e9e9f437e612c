"""Keeps a handler told of every object of one kind: list, then watch from the list's version, forever.

Rules:
- `on_listed` replaces everything; between two of them `on_applied` and `on_deleted` come in order per object and are
  never stale (see history). Handlers are called in the loop's thread and must not block.
- The watch is resumed from the last version seen (bookmarks count); 410 means list again; every failure waits with
  exponential backoff and jitter. A handler's exception is a bug: it ends `run`, loudly.
- An object that cannot be decoded is treated as absent and reported to `on_rejected`; it disables only itself.
"""

import asyncio
import logging
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar, cast

import msgspec

from linkerd_kube.backoff import Backoff
from linkerd_kube.client import KubeClient
from linkerd_kube.errors import ApiError, Gone, NotFound, from_body
from linkerd_kube.history import History, newer
from linkerd_kube.objects import JsonObject, ObjectMeta, PartialObject
from linkerd_kube.resource import Resource

T = TypeVar("T")
log = logging.getLogger(__name__)

# Between 4 and 8 minutes, as client-go: servers drop long watches, and not all clients at once.
_WATCH_SECONDS = (240, 480)
_ABSENT_SECONDS = 10.0


class Handler(Protocol[T]):
    """What follows a kind of object."""

    def on_listed(self, objs: list[T], /) -> None:
        """These are all the objects; forget others."""

    def on_applied(self, obj: T, /) -> None:
        """Added or changed."""

    def on_deleted(self, obj: T, /) -> None:
        """Gone; the object as last delivered."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """An object that could not be decoded, and why."""

    resource: Resource
    meta: ObjectMeta
    reason: str


class _Event(msgspec.Struct):
    type: str
    object: msgspec.Raw


_events = msgspec.json.Decoder(_Event)
_partials = msgspec.json.Decoder(PartialObject)
_dicts = msgspec.json.Decoder(JsonObject)


class Reflector(Generic[T]):
    """One kind, listed and watched. `decode` turns an object's JSON into what handlers get (default: a dict).

    With `optional`, a server that does not serve the kind, neither at its own version nor at one of `alternatives`, is
    an empty list, asked again every few seconds.
    """

    def __init__(
        self,
        client: KubeClient,
        resource: Resource,
        handler: Handler[T],
        *,
        namespace: str | None = None,
        label_selector: str = "",
        field_selector: str = "",
        decode: Callable[[bytes], T] | None = None,
        on_rejected: Callable[[Rejected], None] | None = None,
        optional: bool = False,
        alternatives: Sequence[Resource] = (),
    ) -> None:
        self.resource = resource
        self._versions = (resource, *alternatives)
        self._untried = list(alternatives)
        self.synced = asyncio.Event()
        """Set once the first list was delivered."""
        self._client = client
        self._handler = handler
        self._namespace = namespace
        self._label_selector = label_selector
        self._field_selector = field_selector
        self._decode = decode if decode is not None else cast("Callable[[bytes], T]", _dicts.decode)
        self._on_rejected = on_rejected
        self._optional = optional
        self._history: History[T] = History()
        self._backoff = Backoff(0.25, 30.0)
        self._version = ""

    def __len__(self) -> int:
        return len(self._history)

    def get(self, namespace: str, name: str) -> T | None:
        """The object as last delivered ("" for the namespace of cluster-scoped kinds)."""
        return self._history.get((namespace, name))

    def objects(self) -> list[T]:
        """Every object as last delivered."""
        return self._history.objects()

    async def run(self) -> None:
        """Forever. Ends only by cancellation or by an exception of the handler."""
        listed = False
        while True:
            try:
                if not listed:
                    await self._list()
                    listed = True
                await self._watch()
            except Gone:
                log.info("%s: the watched version expired; listing again", self.resource)
                listed = False
                await asyncio.sleep(self._backoff.next())
            except NotFound as error:
                listed = False
                await self._absent(error)
            except ApiError as error:
                log.warning("%s: %s; trying again", self.resource, error)
                await asyncio.sleep(max(self._backoff.next(), error.retry_after_seconds or 0.0))

    async def _absent(self, error: NotFound) -> None:
        if not self._optional:
            log.warning("%s: %s; trying again", self.resource, error)
            await asyncio.sleep(self._backoff.next())
            return
        if self._untried:
            self.resource = self._untried.pop(0)
            return
        self._untried = [version for version in self._versions if version != self.resource]
        if len(self._history) or not self.synced.is_set():
            self._history.reset([])
            self._handler.on_listed([])
            self.synced.set()
        await asyncio.sleep(_ABSENT_SECONDS * random.uniform(0.9, 1.1))

    async def _list(self) -> None:
        try:
            objects, version = await self._pages(limit=500)
        except Gone:
            # The continue token expired under a slow list: take the collection in one piece, as client-go does.
            objects, version = await self._pages(limit=0)
        self._untried = [other for other in self._versions if other != self.resource]
        self._history.reset(objects)
        self._version = version
        self._handler.on_listed([obj for _, obj in objects])
        self.synced.set()

    async def _pages(self, limit: int) -> tuple[list[tuple[ObjectMeta, T]], str]:
        objects: list[tuple[ObjectMeta, T]] = []
        version = ""
        pages = self._client.list_raw(
            self.resource,
            self._namespace,
            label_selector=self._label_selector,
            field_selector=self._field_selector,
            limit=limit,
        )
        async for page in pages:
            version = page.resource_version
            for raw in page.items:
                meta, obj = self._read(bytes(raw))
                if obj is not None:
                    objects.append((meta, obj))
        return objects, version

    async def _watch(self) -> None:
        lines = self._client.watch_raw(
            self.resource,
            self._namespace,
            self._version,
            label_selector=self._label_selector,
            field_selector=self._field_selector,
            timeout_seconds=random.randint(*_WATCH_SECONDS),
        )
        heard = False
        async for line in lines:
            self._on_line(line)
            heard = True
            self._backoff.reset()
        if not heard:
            # A server that ends watches at once must not be asked in a loop.
            await asyncio.sleep(self._backoff.next())

    def _on_line(self, line: bytes) -> None:
        try:
            event = _events.decode(line)
        except msgspec.DecodeError as error:
            # Not a watch event: the stream is not to be trusted, so neither is our picture.
            raise Gone(410, "Unreadable", f"unreadable watch event: {error}") from error
        raw = bytes(event.object)
        if event.type == "ERROR":
            raise from_body(0, raw)
        if event.type == "BOOKMARK":
            self._advance(_partials.decode(raw).metadata.resource_version)
            return
        if event.type == "DELETED":
            meta, final = self._read(raw)
            last = self._history.delete(meta)
            if last is not None:
                self._handler.on_deleted(last if final is None else final)
        elif event.type in ("ADDED", "MODIFIED"):
            self._apply(raw)
            return
        else:
            log.warning("%s: a watch event of unknown type %r", self.resource, event.type)
            return
        self._advance(meta.resource_version)

    def _apply(self, raw: bytes) -> None:
        meta, obj = self._read(raw)
        if self._history.is_news(meta):
            if obj is not None:
                self._history.apply(meta, obj)
                self._handler.on_applied(obj)
            elif (last := self._history.delete(meta)) is not None:
                self._handler.on_deleted(last)
        self._advance(meta.resource_version)

    def _advance(self, version: str) -> None:
        if version and newer(version, self._version):
            self._version = version

    def _read(self, raw: bytes) -> tuple[ObjectMeta, T | None]:
        meta = ObjectMeta()
        try:
            meta = _partials.decode(raw).metadata
            return meta, self._decode(raw)
        except (ValueError, TypeError, LookupError) as error:  # msgspec's errors are ValueErrors
            log.warning("%s %s/%s cannot be read: %s", self.resource, meta.namespace, meta.name, error)
            if self._on_rejected is not None:
                self._on_rejected(Rejected(self.resource, meta, str(error)))
            return meta, None
