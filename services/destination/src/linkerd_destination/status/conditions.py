"""Writes the conditions of routes into their statuses: by one replica at a time, and only what changed.

What waits is a set of routes. Entries of other controllers in `status.parents` are kept. A write that fails is tried
again after a while; a route that is gone is forgotten.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable
from datetime import UTC, datetime

from linkerd_destination.index.graph import Fact, Graph
from linkerd_destination.index.state import Index
from linkerd_destination.translate.conditions import Condition, conditions_of
from linkerd_kube import ApiError, Conflict, JsonObject, KubeClient, Leader, NotFound, Resource
from linkerd_kube.backoff import Backoff
from linkerd_rules.validation.route import CONTROLLER, BoundRoute, Parent

log = logging.getLogger(__name__)

LEASE = "linkerd-destination-status"
RouteKey = tuple[str, str, str, str]
"""Group, kind, namespace, name."""


class StatusWriter:
    """Follows the index; `run` writes while it holds the Lease. `versions` are where a kind may be served."""

    def __init__(
        self, client: KubeClient, index: Index, versions: Callable[[str, str], tuple[Resource, ...]], leader: Leader
    ) -> None:
        self._client = client
        self._index = index
        self._versions = versions
        self._leader = leader
        self._graph: Graph[RouteKey] = Graph()
        self._dirty: dict[RouteKey, None] = {}
        self._wake = asyncio.Event()
        self._leading = False

    def on_facts(self, facts: Iterable[Fact]) -> None:
        """These facts of the index changed."""
        if not self._leading:
            return
        facts = list(facts)
        self._mark(self._graph.readers(facts))
        self._mark((f[1], f[2], f[3], f[4]) for f in facts if f[0] == "route")

    async def run(self) -> None:
        """Forever."""
        await self._leader.run(self._lead)

    def _mark(self, keys: Iterable[RouteKey]) -> None:
        self._dirty.update(dict.fromkeys(keys))
        if self._dirty:
            self._wake.set()

    async def _lead(self) -> None:
        self._leading = True
        try:
            self._mark(key for key, _ in self._index.routes())
            backoff = Backoff(0.5, 30.0)
            while True:
                await self._wake.wait()
                self._wake.clear()
                while self._dirty:
                    key = next(iter(self._dirty))
                    del self._dirty[key]
                    if await self._settle(key):
                        backoff.reset()
                    else:
                        self._mark((key,))
                        await asyncio.sleep(backoff.next())
        finally:
            self._leading = False
            self._dirty.clear()

    async def _settle(self, key: RouteKey) -> bool:
        """Bring one status up to date; False to try again."""
        view = self._index.view()
        route = view.route(*key)
        if route is None:
            self._graph.forget(key)
            return True
        wanted = conditions_of(view, route)
        self._graph.record(key, view.facts)
        if _as_shown(route, wanted):
            return True
        try:
            await self._write(route, wanted)
        except NotFound:
            return True
        except Conflict:
            return False
        except ApiError as error:
            log.warning("status of %s %s/%s: %s; trying again", route.kind, *route.key, error)
            return False
        return True

    async def _write(self, route: BoundRoute, wanted: list[Condition]) -> None:
        *others, last = self._versions(route.group, route.kind)
        for resource in others:
            try:
                return await self._write_at(resource, route, wanted)
            except NotFound:
                continue  # the cluster serves the kind at another version
        return await self._write_at(last, route, wanted)

    async def _write_at(self, resource: Resource, route: BoundRoute, wanted: list[Condition]) -> None:
        namespace, name = route.key
        current = await self._client.get(resource.path(namespace, name))
        before: list[JsonObject] = (current.get("status") or {}).get("parents") or []
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        parents = [entry for entry in before if entry.get("controllerName") != CONTROLLER]
        ours = [entry for entry in before if entry.get("controllerName") == CONTROLLER]
        parents += _entries(route, wanted, ours, now)
        version = current["metadata"].get("resourceVersion")
        body: JsonObject = {"metadata": {"resourceVersion": version}, "status": {"parents": parents}}
        await self._client.patch(resource.path(namespace, name, "status"), body)


def _as_shown(route: BoundRoute, wanted: list[Condition]) -> bool:
    shown = {(s.parent, s.type): (s.status, s.reason, s.generation) for s in route.shown}
    generation = route.meta.generation
    return shown == {(c.parent, c.type): (c.status, c.reason, generation) for c in wanted}


def _entries(route: BoundRoute, wanted: list[Condition], ours: list[JsonObject], now: str) -> list[JsonObject]:
    """An entry for each parent. The time of a condition is that of its last change of status."""
    since = {
        (_key(entry.get("parentRef") or {}), one.get("type"), one.get("status")): one.get("lastTransitionTime")
        for entry in ours
        for one in entry.get("conditions") or []
    }
    entries: dict[Parent, JsonObject] = {}
    for condition in wanted:
        ref = _parent_ref(condition.parent)
        entry = entries.setdefault(condition.parent, {"parentRef": ref, "controllerName": CONTROLLER, "conditions": []})
        entry["conditions"].append(
            {
                "type": condition.type,
                "status": condition.status,
                "reason": condition.reason,
                "message": condition.message,
                "observedGeneration": route.meta.generation,
                "lastTransitionTime": since.get((_key(ref), condition.type, condition.status)) or now,
            }
        )
    return list(entries.values())


def _parent_ref(parent: Parent) -> JsonObject:
    ref: JsonObject = {
        "group": parent.ref.group,
        "kind": parent.ref.kind,
        "namespace": parent.ref.namespace,
        "name": parent.ref.name,
    }
    if parent.section:
        ref["sectionName"] = parent.section
    if parent.port:
        ref["port"] = parent.port
    return ref


def _key(ref: JsonObject) -> tuple[object, ...]:
    return tuple(ref.get(name) for name in ("group", "kind", "namespace", "name", "sectionName", "port"))
