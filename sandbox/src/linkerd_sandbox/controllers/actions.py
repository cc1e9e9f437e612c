"""What a reconcile function wants done: plain values that the controller carries out, in order. PURE."""

from collections.abc import Sequence
from dataclasses import dataclass

from linkerd_kube.objects import JsonObject
from linkerd_kube.resource import Resource

MERGE = "application/merge-patch+json"
Key = tuple[str, str]
"""(namespace, name)"""


@dataclass(frozen=True, slots=True)
class Create:
    resource: Resource
    namespace: str
    body: JsonObject
    owner: JsonObject | None = None
    """Who is told by Events: that it was created, or why the API refused it."""


@dataclass(frozen=True, slots=True)
class Patch:
    """A JSON merge patch."""

    resource: Resource
    namespace: str
    name: str
    body: JsonObject
    subresource: str | None = None


@dataclass(frozen=True, slots=True)
class Delete:
    """Only the object with this uid; in the background unless it says otherwise. Grace: None for the object's own."""

    resource: Resource
    namespace: str
    name: str
    uid: str
    propagation: str = "Background"
    grace_seconds: int | None = None


@dataclass(frozen=True, slots=True)
class Note:
    """An Event on an object."""

    about: JsonObject
    type: str
    reason: str
    message: str


Action = Create | Patch | Delete | Note


@dataclass(frozen=True, slots=True)
class Plan:
    """The actions, and when to look again without a change (seconds; None: only at the next change)."""

    actions: Sequence[Action] = ()
    again_in: float | None = None


def controller_reference(owner: JsonObject) -> JsonObject:
    """The owner reference by which `owner` controls what it makes."""
    return {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }
