"""Writes conditions into the statuses of routes and rate limits: by one replica at a time, and only what changed.

What waits is a set of objects. A write that fails is tried again after a while; an object that is gone is forgotten.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable
from datetime import UTC, datetime

from linkerd_destination.index.graph import Fact, Graph
from linkerd_destination.index.state import RATE_LIMIT_KIND, Index, ObjectKey, View, key_of
from linkerd_destination.status.bodies import Subject, as_shown, status_of
from linkerd_destination.translate.conditions import Condition, conditions_of, limit_conditions
from linkerd_kube import ApiError, Conflict, JsonObject, KubeClient, Leader, NotFound, Resource
from linkerd_kube.backoff import Backoff
from linkerd_rules.validation.rate_limit import RateLimitPolicy

log = logging.getLogger(__name__)

LEASE = "linkerd-destination-status"


class StatusWriter:
    """Follows the index; `run` writes while it holds the Lease. `versions` are where a kind may be served."""

    def __init__(
        self, client: KubeClient, index: Index, versions: Callable[[str, str], tuple[Resource, ...]], leader: Leader
    ) -> None:
        self._client = client
        self._index = index
        self._versions = versions
        self._leader = leader
        self._graph: Graph[ObjectKey] = Graph()
        self._dirty: dict[ObjectKey, None] = {}
        self._wake = asyncio.Event()
        self._leading = False

    def on_facts(self, facts: Iterable[Fact]) -> None:
        """These facts of the index changed."""
        if not self._leading:
            return
        facts = list(facts)
        self._mark(self._graph.readers(facts))
        self._mark(key for key in map(key_of, facts) if key is not None)

    async def run(self) -> None:
        """Forever."""
        await self._leader.run(self._lead)

    def _mark(self, keys: Iterable[ObjectKey]) -> None:
        self._dirty.update(dict.fromkeys(keys))
        if self._dirty:
            self._wake.set()

    async def _lead(self) -> None:
        self._leading = True
        try:
            self._mark(self._index.with_status())
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

    async def _settle(self, key: ObjectKey) -> bool:
        """Bring one status up to date; False to try again."""
        view = self._index.view()
        subject, wanted = _conditions(view, key)
        if subject is None:
            self._graph.forget(key)
            return True
        self._graph.record(key, view.facts)
        if as_shown(subject, wanted):
            return True
        try:
            await self._write(key, subject, wanted)
        except NotFound:
            return True
        except Conflict:
            return False
        except ApiError as error:
            log.warning("status of %s %s/%s: %s; trying again", key[1], *subject.key, error)
            return False
        return True

    async def _write(self, key: ObjectKey, subject: Subject, wanted: list[Condition]) -> None:
        *others, last = self._versions(key[0], key[1])
        for resource in others:
            try:
                return await self._write_at(resource, subject, wanted)
            except NotFound:
                continue  # the cluster serves the kind at another version
        return await self._write_at(last, subject, wanted)

    async def _write_at(self, resource: Resource, subject: Subject, wanted: list[Condition]) -> None:
        namespace, name = subject.key
        current = await self._client.get(resource.path(namespace, name))
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        status = status_of(subject, wanted, current.get("status") or {}, now)
        version = current["metadata"].get("resourceVersion")
        body: JsonObject = {"metadata": {"resourceVersion": version}, "status": status}
        await self._client.patch(resource.path(namespace, name, "status"), body)


def _conditions(view: View, key: ObjectKey) -> tuple[Subject | None, list[Condition]]:
    """The object, and what its status should say."""
    group, kind, namespace, name = key
    if kind == RATE_LIMIT_KIND:
        policy: RateLimitPolicy | None = view.rate_limit_policy(namespace, name)
        return policy, [] if policy is None else limit_conditions(view, policy)
    route = view.route(group, kind, namespace, name)
    return route, [] if route is None else conditions_of(view, route)
