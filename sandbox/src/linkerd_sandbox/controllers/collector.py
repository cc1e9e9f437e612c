"""The garbage collector's picture of the cluster: who belongs to whom, over every kind that there is. An API client.

Kinds are those that can be listed, watched and deleted, custom ones too: they are looked up again when definitions come
and go. What is done with owners and dependents is decided in `garbage`. Source: pkg/controller/garbagecollector.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable
from typing import Final

from linkerd_kube.client import KubeClient
from linkerd_kube.errors import ApiError, NotFound
from linkerd_kube.events import EventRecorder
from linkerd_kube.objects import JsonObject
from linkerd_kube.resource import Resource
from linkerd_kube.resources import CRDS, EVENTS
from linkerd_sandbox.controllers import garbage, namespace
from linkerd_sandbox.controllers.actions import Key, Plan
from linkerd_sandbox.controllers.controller import Controller, Executor
from linkerd_sandbox.controllers.informer import Informer, key_of, uid_of
from linkerd_sandbox.fields import dig, dig_list

log = logging.getLogger(__name__)
_AGAIN_SECONDS: Final = 1.0
_VERBS: Final = {"list", "watch", "delete"}
GroupKind = tuple[str, str]
"""An owner reference may name any version of a kind, so the version does not tell kinds apart."""


def _kind_of(resource: Resource) -> GroupKind:
    return resource.group, resource.kind


def _referred(reference: JsonObject) -> GroupKind:
    group, _, _ = str(reference.get("apiVersion")).rpartition("/")
    return group, str(reference.get("kind"))


class Collector:
    """Follows every kind; those of `shared` with the informers that others run."""

    def __init__(self, client: KubeClient, shared: Iterable[Informer]) -> None:
        self._client = client
        self._informers: dict[Resource, Informer] = {}
        self._kinds: dict[GroupKind, Informer] = {}
        """Kinds whose definition went stay known, without objects: what they owned is to go."""
        self._shared: set[GroupKind] = set()
        self._running: dict[GroupKind, asyncio.Task[None]] = {}
        self._dependents: dict[str, set[tuple[GroupKind, Key]]] = {}
        self._changed = asyncio.Event()
        self._definitions = Informer(client, CRDS)
        self._definitions.listen(lambda _: self._changed.set())
        executor = Executor(client, self._informers, EventRecorder(client, "garbage-collector-controller"))
        self._controller = Controller("garbage", self._reconcile, executor)
        for informer in shared:
            self._shared.add(_kind_of(informer.resource))
            self._add(informer)

    async def run(self) -> None:
        """Forever."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._controller.run())
            group.create_task(self._definitions.run())
            self._changed.set()
            while True:
                await self._changed.wait()
                self._changed.clear()
                try:
                    found = await namespace.kinds(self._client, _VERBS, cluster_scoped=True)
                except ApiError as error:
                    log.warning("kinds cannot be looked up: %s; trying again", error)
                    asyncio.get_running_loop().call_later(_AGAIN_SECONDS, self._changed.set)
                    continue
                self._follow({_kind_of(one): one for one in found if one != EVENTS and one.kind != EVENTS.kind}, group)

    def _follow(self, found: dict[GroupKind, Resource], group: asyncio.TaskGroup) -> None:
        for kind, resource in found.items():
            if kind not in self._running and kind not in self._shared:
                self._add(Informer(self._client, resource))
                self._running[kind] = group.create_task(self._list_and_watch(self._kinds[kind]))
        for kind in self._running.keys() - found.keys():
            self._running.pop(kind).cancel()
            self._kinds[kind].on_listed([])

    def _add(self, informer: Informer) -> None:
        self._informers[informer.resource] = informer
        self._kinds[_kind_of(informer.resource)] = informer
        informer.listen(self._listener(informer))

    async def _list_and_watch(self, informer: Informer) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(informer.run())
            await informer.synced.wait()
            for dependents in self._dependents.values():  # owners of this kind were taken to be alive so far
                for kind, key in dependents:
                    self._enqueue(kind, key)

    def _listener(self, informer: Informer) -> Callable[[JsonObject], None]:
        own_kind = _kind_of(informer.resource)

        def tell(obj: JsonObject) -> None:
            key, uid = key_of(obj), uid_of(obj)
            references = dig_list(obj, "metadata", "ownerReferences")
            for reference in references:
                self._dependents.setdefault(str(reference["uid"]), set()).add((own_kind, key))
            leaving = informer.get(key) is None or dig(obj, "metadata", "deletionTimestamp")
            if references or leaving:
                self._enqueue(own_kind, key)
            if not leaving:
                return
            for kind, dependent in self._dependents.get(uid, ()):
                self._enqueue(kind, dependent)
            for reference in references:
                owner = self._kinds.get(_referred(reference))
                if owner is not None:
                    name_space = key[0] if owner.resource.namespaced else ""
                    self._enqueue(_referred(reference), (name_space, str(reference["name"])))

        return tell

    def _enqueue(self, kind: GroupKind, key: Key) -> None:
        self._controller.enqueue((f"{kind[0]}|{kind[1]}|{key[0]}", key[1]))

    async def _reconcile(self, queued: Key) -> Plan:
        group, kind, own_namespace = queued[0].split("|")
        informer = self._kinds[(group, kind)]
        obj = informer.get((own_namespace, queued[1]))
        if obj is None:
            return Plan()
        plan = garbage.finalize(informer.resource, obj, self._dependents_of(uid_of(obj)))
        if plan.actions:
            return plan
        plan = garbage.collect(informer.resource, obj, lambda reference: self._alive(own_namespace, reference))
        if plan.actions:
            for reference in dig_list(obj, "metadata", "ownerReferences"):
                if await self._really_alive(own_namespace, reference):
                    return Plan(again_in=_AGAIN_SECONDS)  # the owner's watch is behind: it may show its end only
        return plan

    def _dependents_of(self, uid: str) -> list[garbage.Dependent]:
        """What refers to this uid; forgets what no longer does."""
        found: list[tuple[GroupKind, Key, JsonObject]] = []
        for kind, key in sorted(self._dependents.pop(uid, ())):
            obj = self._kinds[kind].get(key)
            if obj is not None and any(ref["uid"] == uid for ref in dig_list(obj, "metadata", "ownerReferences")):
                found.append((kind, key, obj))
        if found:
            self._dependents[uid] = {(kind, key) for kind, key, _ in found}
        return [(self._kinds[kind].resource, obj) for kind, _, obj in found]

    def _owner_kind(self, own_namespace: str, reference: JsonObject) -> Informer | None:
        """None for a kind that is not known, and for a namespaced one of what has no namespace: it cannot be."""
        informer = self._kinds.get(_referred(reference))
        if informer is None or (informer.resource.namespaced and not own_namespace):
            return None
        return informer

    def _alive(self, own_namespace: str, reference: JsonObject) -> bool:
        """Kinds that are not known are taken to be alive: nothing is deleted on a guess."""
        informer = self._owner_kind(own_namespace, reference)
        if informer is None:
            return True
        found = informer.get((own_namespace if informer.resource.namespaced else "", str(reference["name"])))
        return found is not None and uid_of(found) == reference.get("uid")

    async def _really_alive(self, own_namespace: str, reference: JsonObject) -> bool:
        """Asks the API before a deletion. Raises ApiError."""
        informer = self._owner_kind(own_namespace, reference)
        if informer is None:
            return True
        kind = informer.resource
        path = kind.path(own_namespace if kind.namespaced else None, str(reference["name"]))
        try:
            return uid_of(await self._client.get(path)) == reference.get("uid")
        except NotFound:
            return False
