"""What every Kubernetes object has in common."""

from dataclasses import dataclass
from typing import Any

import msgspec

# Values are whatever the API server's JSON holds: the only place where Any is the true type.
JsonObject = dict[str, Any]


class ObjectMeta(msgspec.Struct, rename="camel", frozen=True, gc=False):
    """The part of `metadata` by which an object and its version are told from others."""

    name: str = ""
    namespace: str = ""
    uid: str = ""
    resource_version: str = ""


class PartialObject(msgspec.Struct, frozen=True):
    """Any object, metadata only."""

    metadata: ObjectMeta = ObjectMeta()


@dataclass(frozen=True, slots=True)
class ObjectRef:
    """Which object an Event is about."""

    kind: str
    name: str
    namespace: str = ""
    uid: str = ""
    api_version: str = "v1"

    @classmethod
    def of(cls, obj: JsonObject) -> "ObjectRef":
        """The reference to an object as the API server returned it."""
        meta: JsonObject = obj.get("metadata") or {}
        return cls(
            kind=str(obj.get("kind", "")),
            name=str(meta.get("name", "")),
            namespace=str(meta.get("namespace", "")),
            uid=str(meta.get("uid", "")),
            api_version=str(obj.get("apiVersion", "v1")),
        )
