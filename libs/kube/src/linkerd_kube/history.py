"""PURE: which watch events are news. Watches may deliver twice or late; what is stale must not reach a handler.

The rule: an object's resourceVersion only grows, so an event that is not newer than what is known of that object is
dropped; a deletion is remembered (bounded) so that a late event cannot bring the object back. Versions are compared as
integers (Kubernetes guarantees it since 1.35, and etcd's always were); where they are not integers, only equality
counts.
"""

from typing import Generic, TypeVar

import msgspec

from linkerd_kube.objects import ObjectMeta

T = TypeVar("T")
Key = tuple[str, str]
"""Namespace (empty for cluster-scoped kinds) and name."""

_MAX_TOMBSTONES = 4096


class _Seen(msgspec.Struct, Generic[T], gc=False):
    """There is one for each object of a cluster, and it is in no cycle: not for the garbage collector."""

    uid: str
    version: str
    obj: T


class History(Generic[T]):
    """What was last delivered of every object of one kind."""

    def __init__(self) -> None:
        self._seen: dict[Key, _Seen[T]] = {}
        self._tombstones: dict[Key, str] = {}

    def __len__(self) -> int:
        return len(self._seen)

    def get(self, key: Key) -> T | None:
        """The object as last delivered."""
        seen = self._seen.get(key)
        return None if seen is None else seen.obj

    def objects(self) -> list[T]:
        """Every object as last delivered."""
        return [seen.obj for seen in self._seen.values()]

    def reset(self, objects: list[tuple[ObjectMeta, T]]) -> None:
        """A list replaces everything, also when its versions are older (a restored etcd)."""
        self._tombstones.clear()
        self._seen = {(m.namespace, m.name): _Seen(m.uid, m.resource_version, o) for m, o in objects}

    def is_news(self, meta: ObjectMeta) -> bool:
        """Whether an ADDED or MODIFIED event says something new."""
        key = (meta.namespace, meta.name)
        if (seen := self._seen.get(key)) is not None:
            return newer(meta.resource_version, seen.version)
        tombstone = self._tombstones.get(key)
        return tombstone is None or newer(meta.resource_version, tombstone)

    def apply(self, meta: ObjectMeta, obj: T) -> None:
        """Remember what is delivered."""
        key = (meta.namespace, meta.name)
        self._tombstones.pop(key, None)
        self._seen[key] = _Seen(meta.uid, meta.resource_version, obj)

    def delete(self, meta: ObjectMeta) -> T | None:
        """The object to report as deleted; None where the event is stale, or the object was not known."""
        key = (meta.namespace, meta.name)
        seen = self._seen.get(key)
        # A deletion carries the version of the deletion; some servers repeat the object's last one, so equal is news.
        if seen is not None and newer(seen.version, meta.resource_version, unless_integers=False):
            return None
        if seen is not None:
            del self._seen[key]
        self._bury(key, meta.resource_version)
        return None if seen is None else seen.obj

    def _bury(self, key: Key, version: str) -> None:
        before = self._tombstones.pop(key, None)
        self._tombstones[key] = version if before is None or newer(version, before) else before
        while len(self._tombstones) > _MAX_TOMBSTONES:
            del self._tombstones[next(iter(self._tombstones))]


def newer(version: str, than: str, *, unless_integers: bool = True) -> bool:
    """Whether a resourceVersion is newer. Where one is not an integer: `unless_integers`, if they differ."""
    if version.isdecimal() and than.isdecimal():
        return int(version) > int(than)
    return unless_integers and version != than
