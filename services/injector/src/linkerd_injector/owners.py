"""Who owns a pod: its controller, and for a ReplicaSet the Deployment above it.

A ReplicaSet's owner never changes, so it is asked for once; what is remembered is bounded.
"""

import logging
from collections import OrderedDict
from dataclasses import dataclass

from linkerd_kube import ApiError, JsonObject, KubeClient, ObjectRef
from linkerd_kube.resources import REPLICA_SETS

log = logging.getLogger(__name__)

_CAPACITY = 8192


@dataclass(frozen=True, slots=True)
class Owner:
    """Kind in lower case as labels and metrics have it ("pod" for a pod of its own), and where Events go."""

    kind: str
    name: str
    reference: ObjectRef | None


class Owners:
    """Looks owners up through the API."""

    def __init__(self, client: KubeClient) -> None:
        self._client = client
        self._known: OrderedDict[tuple[str, str, str], Owner] = OrderedDict()

    async def of(self, metadata: JsonObject, namespace: str) -> Owner:
        """The owner of a pod with this metadata. Never raises: what cannot be read stays at the ReplicaSet."""
        controller = controller_of(metadata, namespace)
        if controller is None:
            name = metadata.get("name") or metadata.get("generateName") or ""
            return Owner("pod", str(name), None)
        if controller.kind != "ReplicaSet":
            return Owner(controller.kind.lower(), controller.name, controller)
        key = (namespace, controller.name, controller.uid)
        if (known := self._known.get(key)) is not None:
            self._known.move_to_end(key)
            return known
        owner = await self._above(controller)
        if owner is None:
            return Owner("replicaset", controller.name, controller)
        self._known[key] = owner
        if len(self._known) > _CAPACITY:
            self._known.popitem(last=False)
        return owner

    async def _above(self, replica_set: ObjectRef) -> Owner | None:
        """None where it cannot be told now."""
        try:
            found = await self._client.get(REPLICA_SETS.path(replica_set.namespace, replica_set.name))
        except ApiError as error:
            log.warning("cannot read replicaset %s/%s: %s", replica_set.namespace, replica_set.name, error)
            return None
        above = controller_of(found.get("metadata") or {}, replica_set.namespace)
        if above is None:
            return Owner("replicaset", replica_set.name, replica_set)
        return Owner(above.kind.lower(), above.name, above)


def controller_of(metadata: JsonObject, namespace: str) -> ObjectRef | None:
    """The controlling owner reference, else the first one, else None. Reads what is well formed."""
    references = metadata.get("ownerReferences")
    owners = [o for o in references if isinstance(o, dict)] if isinstance(references, list) else []
    for owner in sorted(owners, key=lambda o: o.get("controller") is not True):
        kind, name = owner.get("kind"), owner.get("name")
        if isinstance(kind, str) and isinstance(name, str) and kind and name:
            return ObjectRef(kind, name, namespace, str(owner.get("uid", "")), str(owner.get("apiVersion", "v1")))
    return None
