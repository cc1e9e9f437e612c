"""A namespace that is being deleted: everything in it goes first, then its finalizer. An API client.

What there is to delete is asked of the server each time (custom resources included).
"""

import logging
from collections.abc import Iterable, Set
from typing import Final

from linkerd_kube.client import KubeClient
from linkerd_kube.errors import ApiError, NotFound
from linkerd_kube.objects import JsonObject
from linkerd_kube.resource import Resource
from linkerd_kube.resources import NAMESPACES
from linkerd_sandbox.controllers.actions import Plan
from linkerd_sandbox.fields import dig, dig_list

log = logging.getLogger(__name__)
_AGAIN_SECONDS = 0.1
_LISTED: Final = frozenset({"list", "delete"})


def deletable(
    document: JsonObject, group: str, version: str, verbs: Set[str] = _LISTED, *, cluster_scoped: bool = False
) -> list[Resource]:
    """The kinds of an APIResourceList whose objects allow these verbs; without a namespace only if so asked. PURE."""
    found: list[Resource] = []
    for entry in dig_list(document, "resources"):
        namespaced = bool(entry.get("namespaced"))
        if (namespaced or cluster_scoped) and "/" not in entry["name"] and verbs <= set(entry.get("verbs") or []):
            found.append(Resource(group, version, entry["name"], entry["kind"], namespaced))
    return found


def preferred(groups: JsonObject) -> list[tuple[str, str]]:
    """(group, version) to use for each group of an APIGroupList. PURE."""
    return [
        (str(group["name"]), str(dig(group, "preferredVersion", "version")))
        for group in dig_list(groups, "groups")
        if dig(group, "preferredVersion", "version")
    ]


async def kinds(client: KubeClient, verbs: Set[str] = _LISTED, *, cluster_scoped: bool = False) -> list[Resource]:
    """Every kind that the server serves, as `deletable` chooses; a group that does not answer is left out."""
    found = deletable(await client.get("/api/v1"), "", "v1", verbs, cluster_scoped=cluster_scoped)
    for group, version in preferred(await client.get("/apis")):
        try:
            document = await client.get(f"/apis/{group}/{version}")
        except ApiError as error:
            log.warning("%s/%s: %s", group, version, error)
            continue
        found += deletable(document, group, version, verbs, cluster_scoped=cluster_scoped)
    return found


async def _empty(client: KubeClient, name: str, resources: Iterable[Resource]) -> int:
    """Asks for the end of everything; how many objects are still there."""
    left = 0
    for resource in resources:
        try:
            items = (await client.list(resource, name)).items
        except NotFound:
            continue
        for item in items:
            left += 1
            if dig(item, "metadata", "deletionTimestamp"):
                continue
            options: JsonObject = {"propagationPolicy": "Background"}
            try:
                await client.delete(resource.path(name, str(item["metadata"]["name"])), options)
            except ApiError as error:
                if error.status not in (404, 409, 405):
                    log.warning("%s %s/%s: %s", resource, name, item["metadata"]["name"], error)
    return left


async def reconcile(client: KubeClient, namespace: JsonObject) -> Plan:
    """Raises ApiError."""
    if not dig(namespace, "metadata", "deletionTimestamp"):
        return Plan()
    name = str(namespace["metadata"]["name"])
    if await _empty(client, name, await kinds(client)):
        return Plan(again_in=_AGAIN_SECONDS)
    try:
        current = await client.get(NAMESPACES.path(name=name))
        kept = [one for one in dig_list(current, "spec", "finalizers") if one != "kubernetes"]
        current["spec"] = {"finalizers": kept}
        await client.replace(NAMESPACES.path(name=name, subresource="finalize"), current)
    except NotFound:
        pass
    return Plan()
