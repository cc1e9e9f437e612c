"""The store: every object as JSON bytes, one revision counter, and a ring of recent events. PURE.

Rules: a write takes the next revision; what is stored is never changed, only replaced; an event holds the object as
it was at its revision and what it replaced, so that selectors can tell appearing from changing. The ring is bounded
by count and by bytes; who asks for older revisions gets `Expired` and lists again, as with etcd after compaction.
"""

from bisect import insort
from collections import deque
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Final, Literal, NamedTuple

from linkerd_sandbox.apiserver.objects import JsonObject, decode, encode, labels_of, metadata

Key = tuple[str, str]
"""(namespace, name); the namespace is empty for cluster-wide kinds."""

EventType = Literal["ADDED", "MODIFIED", "DELETED"]


class Stored:
    """One object at one revision."""

    __slots__ = ("_body", "fields", "key", "labels", "raw", "revision")

    def __init__(self, key: Key, revision: int, body: JsonObject, fields: dict[str, str]) -> None:
        self.key = key
        self.revision = revision
        self.raw = encode(body)
        self.labels = labels_of(body)
        self.fields = fields
        self._body: JsonObject | None = body

    @property
    def body(self) -> JsonObject:
        """The object; shared, so never to be changed."""
        if self._body is None:
            self._body = decode(self.raw)
            assert self._body is not None
        return self._body

    def forget(self) -> None:
        """Keep only the bytes: history costs one copy, not two."""
        self._body = None


class Event(NamedTuple):
    """A change."""

    revision: int
    bucket: str
    type: EventType
    item: Stored
    previous: Stored | None


LARGEST_OBJECT: Final = 3 << 19
"""Bytes of an object, as etcd limits a request by default."""


class TooLarge(Exception):
    """The object is larger than the store takes."""


class Expired(Exception):
    """The ring does not reach back to the revision asked for."""

    def __init__(self, oldest: int) -> None:
        super().__init__(oldest)
        self.oldest = oldest


Watcher = Callable[[Event], None]


class _Bucket:
    __slots__ = ("items", "keys", "watchers")

    def __init__(self) -> None:
        self.items: dict[Key, Stored] = {}
        self.keys: list[Key] = []
        self.watchers: set[Watcher] = set()


class Store:
    """Objects by bucket (`pods`, `deployments.apps`) and key."""

    def __init__(self, *, history: int = 4096, history_bytes: int = 16 << 20) -> None:
        self.revision = 1
        self._history = history
        self._history_bytes = history_bytes
        self._buckets: dict[str, _Bucket] = {}
        self._ring: deque[Event] = deque()
        self._ring_bytes = 0

    def _bucket(self, name: str) -> _Bucket:
        bucket = self._buckets.get(name)
        if bucket is None:
            bucket = self._buckets[name] = _Bucket()
        return bucket

    def get(self, bucket: str, namespace: str, name: str) -> Stored | None:
        """The object, or None."""
        found = self._buckets.get(bucket)
        return found.items.get((namespace, name)) if found else None

    def scan(self, bucket: str, namespace: str | None = None) -> Iterator[Stored]:
        """Objects in the order of their keys; of one namespace, or of all (None)."""
        found = self._buckets.get(bucket)
        if found is None:
            return
        items = found.items
        for key in list(found.keys):
            if namespace is None or key[0] == namespace:
                item = items.get(key)
                if item is not None:
                    yield item

    def count(self, bucket: str) -> int:
        """How many objects the bucket holds."""
        found = self._buckets.get(bucket)
        return len(found.items) if found else 0

    def buckets(self) -> list[str]:
        """Names of the buckets that hold anything."""
        return [name for name, bucket in self._buckets.items() if bucket.items]

    def put(self, bucket: str, body: JsonObject, fields: dict[str, str]) -> Stored:
        """Store `body`, which is the store's from now on, under its metadata's name, with the next revision in it.

        Raises `TooLarge`, and then nothing is stored.
        """
        found = self._bucket(bucket)
        meta = metadata(body)
        key: Key = (meta.get("namespace", ""), meta["name"])
        item = self._next(key, body, fields)
        previous = found.items.get(key)
        found.items[key] = item
        if previous is None:
            insort(found.keys, key)
        self._publish(found, Event(item.revision, bucket, "MODIFIED" if previous else "ADDED", item, previous))
        return item

    def remove(self, bucket: str, body: JsonObject, fields: dict[str, str]) -> Stored:
        """Take the object away; `body` is its last state, as the DELETED event shows it. Raises KeyError."""
        found = self._bucket(bucket)
        meta = metadata(body)
        key: Key = (meta.get("namespace", ""), meta["name"])
        previous = found.items.pop(key)
        found.keys.remove(key)
        item = self._next(key, body, fields)
        self._publish(found, Event(item.revision, bucket, "DELETED", item, previous))
        return item

    def _next(self, key: Key, body: JsonObject, fields: dict[str, str]) -> Stored:
        revision = self.revision + 1
        metadata(body)["resourceVersion"] = str(revision)
        item = Stored(key, revision, body, fields)
        if len(item.raw) > LARGEST_OBJECT:
            raise TooLarge
        self.revision = revision
        return item

    def _publish(self, bucket: _Bucket, event: Event) -> None:
        self._ring.append(event)
        self._ring_bytes += len(event.item.raw)
        while len(self._ring) > self._history or (self._ring_bytes > self._history_bytes and len(self._ring) > 1):
            self._ring_bytes -= len(self._ring.popleft().item.raw)
        if event.previous is not None:
            event.previous.forget()
        for watcher in tuple(bucket.watchers):
            watcher(event)

    def oldest(self) -> int:
        """The oldest revision after which every event is still known."""
        return self._ring[0].revision - 1 if self._ring else self.revision

    def since(self, bucket: str, revision: int) -> list[Event]:
        """Events of the bucket after `revision`, oldest first. Raises `Expired`."""
        oldest = self.oldest()
        if revision < oldest:
            raise Expired(oldest)
        # Every write takes one revision and makes one event, so a revision is also an index.
        return [event for event in islice(self._ring, revision - oldest, None) if event.bucket == bucket]

    def subscribe(self, bucket: str, watcher: Watcher) -> Callable[[], None]:
        """Call `watcher` at every change of the bucket until the returned function is called."""
        watchers = self._bucket(bucket).watchers
        watchers.add(watcher)
        return lambda: watchers.discard(watcher)
