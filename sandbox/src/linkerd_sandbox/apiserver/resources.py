"""Create, read, update, patch and delete of stored objects: the path of one write through all its checks.

Order (k8s.io/apiserver): decode with field validation, defaults, mutating admission, defaults again, rules of the
kind, validating admission, store. A write is based on the revision that it read: when another one came first, an
unconditional patch or update starts again, a conditional one answers 409.
"""

import random
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime

from linkerd_sandbox.apiserver import lifecycle, ownership, signing, warnings
from linkerd_sandbox.apiserver.call import Admission, Attributes, Call
from linkerd_sandbox.apiserver.decoding import Decoder
from linkerd_sandbox.apiserver.kinds import Registry, ResourceType, field_values
from linkerd_sandbox.apiserver.objects import JsonObject, copy, dig, metadata
from linkerd_sandbox.apiserver.rules import Rules
from linkerd_sandbox.apiserver.schemas import Node, of_kind
from linkerd_sandbox.apiserver.status import (
    Cause,
    StatusError,
    already_exists,
    conflict,
    forbidden,
    invalid,
    not_found,
    success,
)
from linkerd_sandbox.apiserver.store import Store, Stored, TooLarge
from linkerd_sandbox.apiserver.validation.scheduling import SYSTEM_PRIORITIES

_ATTEMPTS = 5
_IMMORTAL = ("default", "kube-system", "kube-public")
_SHOWN_AT_THEIR_END = ("pods", "services", "serviceaccounts", "podtemplates", "resourcequotas")
"""Kinds whose deletion is answered with the object, not with a Status (ReturnDeletedObject of their registries)."""
_SHOWN_AT_THEIR_END = ("pods", "services", "serviceaccounts", "podtemplates", "resourcequotas")
"""Kinds whose deletion is answered with the object, not with a Status (ReturnDeletedObject of their registries)."""
_PRIORITIES = "priorityclasses.scheduling.k8s.io"
Change = Callable[[JsonObject], JsonObject]


def stamp(seconds: float) -> str:
    """RFC 3339, whole seconds, UTC."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def birth() -> lifecycle.Birth:
    """The time, uid and name suffix of a new object."""
    suffix = "".join(random.choices(lifecycle.SUFFIX_ALPHABET, k=5))
    return lifecycle.Birth(stamp(time.time()), str(uuid.uuid4()), suffix)


def node_of(kind: ResourceType) -> Node | None:
    """The schema of a kind."""
    return kind.custom.node if kind.custom else of_kind(kind.group, kind.version, kind.kind)


class Resources:
    """Objects of every kind, with the rules that writes obey."""

    def __init__(self, store: Store, registry: Registry, rules: Rules, decoder: Decoder, admission: Admission) -> None:
        self.store = store
        self.registry = registry
        self.rules = rules
        self.decoder = decoder
        self._admission = admission
        self.on_write: list[Callable[[ResourceType, JsonObject | None, JsonObject | None], None]] = []
        """Called after each stored write with the kind, the new object (None: gone) and the old one (None: new)."""

    def get(self, kind: ResourceType, namespace: str, name: str) -> Stored:
        """The stored object. Raises `StatusError` 404."""
        found = self.store.get(kind.qualified, namespace if kind.namespaced else "", name)
        if found is None:
            raise not_found(kind.qualified, name)
        return found

    async def create(self, call: Call, kind: ResourceType, namespace: str, body: JsonObject) -> JsonObject:
        """Store a new object and return it. Raises `StatusError`."""
        body = self.decoder.decode(call, kind, body)
        lifecycle.check_identity(kind, body, namespace, None)
        name = metadata(body).get("name", "")
        self._check_new(kind, namespace, name)
        lifecycle.wiped(body)
        if not call.applies:
            metadata(body).pop("managedFields", None)
        attributes = Attributes(call, "CREATE", kind, namespace, name)
        body = await self._admission.mutate(attributes, body, None)
        lifecycle.born(kind, body, birth())
        name = body["metadata"]["name"]
        if kind.qualified == signing.KIND:
            signing.requested(body, call.user)
        body = self.rules.created(kind, body)
        body = self.rules.allocated(kind, body, None)
        body = self._owned(call, kind, None, body)
        self._refuse(kind, name, self.rules.validate(kind, body, None))
        await self._admission.validate(Attributes(call, "CREATE", kind, namespace, name), body, None)
        self._check_new(kind, namespace, name)
        for warning in warnings.of_new(kind, body):
            call.warn(warning)
        return body if call.dry_run else self._store(kind, body, None)

    def _check_new(self, kind: ResourceType, namespace: str, name: str) -> None:
        self._check_namespace(kind, namespace, name)
        if name and self.store.get(kind.qualified, namespace, name):
            raise already_exists(kind.qualified, name)

    def _check_namespace(self, kind: ResourceType, namespace: str, name: str) -> None:
        if not kind.namespaced:
            return
        found = self.store.get("namespaces", "", namespace)
        if found is None:
            raise not_found("namespaces", namespace)
        if dig(found.body, "status", "phase") == "Terminating":
            why = f"unable to create new content in namespace {namespace} because it is being terminated"
            error = forbidden(kind.qualified, name, why)
            error.details = {
                **(error.details or {}),
                "causes": [
                    {
                        "reason": "NamespaceTerminating",
                        "message": f"namespace {namespace} is being terminated",
                        "field": "metadata.namespace",
                    }
                ],
            }
            raise error

    async def update(
        self, call: Call, kind: ResourceType, namespace: str, name: str, body: JsonObject, subresource: str = ""
    ) -> JsonObject:
        """Replace an object and return what is stored. Raises `StatusError`."""
        decoded = self.decoder.decode(call, kind, body)
        lifecycle.check_identity(kind, decoded, namespace, name)

        def replaced(old: JsonObject) -> JsonObject:
            lifecycle.check_uid(kind, decoded, old)
            return decoded

        return await self.change(call, kind, namespace, name, replaced, subresource)

    async def change(
        self, call: Call, kind: ResourceType, namespace: str, name: str, how: Change, subresource: str = ""
    ) -> JsonObject:
        """Apply `how` to the current object and store the result; again when another write came between."""
        for _attempt in range(_ATTEMPTS):
            current = self.get(kind, namespace, name)
            wanted = how(current.body)
            lifecycle.check_identity(kind, wanted, current.key[0], name)
            given = dig(wanted, "metadata", "resourceVersion")
            if given and given != str(current.revision):
                raise conflict(kind.qualified, name)
            new = await self._admitted(call, kind, wanted, current, subresource)
            if self.store.get(kind.qualified, current.key[0], name) is current:
                return self._replace(call, kind, new, current)
            # Another write came while a webhook was asked.
        raise conflict(kind.qualified, name)

    async def _admitted(
        self, call: Call, kind: ResourceType, wanted: JsonObject, current: Stored, subresource: str
    ) -> JsonObject:
        old = current.body
        namespace, name = current.key
        new = lifecycle.succeed(kind, wanted, old, subresource)
        attributes = Attributes(call, "UPDATE", kind, namespace, name, subresource)
        if not subresource or subresource == "status":
            changed = await self._admission.mutate(attributes, new, old)
            if changed is not new:
                new = lifecycle.succeed(kind, changed, old, subresource)
        new = self.rules.allocated(kind, new, old)
        new = self._owned(call, kind, old, new, subresource)
        self._refuse(kind, name, self.rules.validate(kind, new, old, subresource))
        await self._admission.validate(attributes, new, old)
        return new

    def _owned(
        self, call: Call, kind: ResourceType, old: JsonObject | None, new: JsonObject, subresource: str = ""
    ) -> JsonObject:
        """The object with its fields' owners, where it is tracked (see `ownership`)."""
        tracked = bool(call.field_manager) if old is None else "managedFields" in old["metadata"]
        if call.applies or not tracked or subresource not in ("", "status", "scale"):
            return new
        return ownership.updated(old, new, self.writer(call, kind, "Update", subresource), node_of(kind))

    @staticmethod
    def writer(call: Call, kind: ResourceType, operation: str, subresource: str = "") -> ownership.Writer:
        """Who this call is to the fields that it writes."""
        manager = call.field_manager or call.agent or "unknown"
        return ownership.Writer(manager, operation, kind.api_version, stamp(time.time()), subresource)

    def _replace(self, call: Call, kind: ResourceType, new: JsonObject, current: Stored) -> JsonObject:
        new["metadata"]["resourceVersion"] = current.body["metadata"]["resourceVersion"]
        if new == current.body or call.dry_run:
            return new
        if lifecycle.finished(kind, new):
            self._remove(kind, new)
            return new
        return self._store(kind, new, current.body)

    async def delete(
        self, call: Call, kind: ResourceType, namespace: str, name: str, options: JsonObject
    ) -> tuple[int, JsonObject]:
        """Delete an object, at once or by marking it: the HTTP status and the answer. Raises `StatusError`."""
        for _attempt in range(_ATTEMPTS):
            current = self.get(kind, namespace, name)
            lifecycle.check_delete_options(options)
            lifecycle.check_preconditions(kind, current.body, options)
            if kind.qualified == "namespaces" and name in _IMMORTAL:
                raise forbidden(kind.qualified, name, "this namespace may not be deleted")
            if kind.qualified == _PRIORITIES and name in SYSTEM_PRIORITIES:
                raise forbidden(kind.qualified, name, "this is a system priority class and cannot be deleted")
            attributes = Attributes(call, "DELETE", kind, *current.key, options=options)
            await self._admission.before_deletion(attributes, current.body)
            await self._admission.validate(attributes, None, current.body)
            if self.store.get(kind.qualified, *current.key) is not current:
                continue
            decision = lifecycle.delete(kind, current.body, options, time.time(), stamp)
            if decision.outcome == "nothing":
                return 200, decision.body
            if decision.outcome == "mark":
                stored = decision.body if call.dry_run else self._store(kind, decision.body, current.body)
                return 200, stored
            if not call.dry_run:
                self._remove(kind, decision.body)
            if kind.qualified in _SHOWN_AT_THEIR_END:
                return 200, decision.body
            return 200, success(name, kind.plural, current.body["metadata"]["uid"], kind.group)
        raise conflict(kind.qualified, name)

    def _store(self, kind: ResourceType, body: JsonObject, old: JsonObject | None) -> JsonObject:
        if kind.custom:
            body["apiVersion"] = f"{kind.group}/{kind.custom.storage_version}"
        try:
            stored = self.store.put(kind.qualified, body, field_values(kind, body))
        except TooLarge:
            raise StatusError(500, "", "etcdserver: request is too large") from None
        for hook in self.on_write:
            hook(kind, stored.body, old)
        return stored.body

    def _remove(self, kind: ResourceType, body: JsonObject) -> None:
        self.store.remove(kind.qualified, body, field_values(kind, body))
        for hook in self.on_write:
            hook(kind, None, body)

    def put_directly(self, kind: ResourceType, body: JsonObject) -> JsonObject:
        """Store an object of the server's own making, past admission; what exists already stays."""
        namespace = dig(body, "metadata", "namespace") or ""
        found = self.store.get(kind.qualified, namespace, body["metadata"]["name"])
        if found is not None:
            return found.body
        fresh = self.rules.defaulted(kind, {"apiVersion": kind.api_version, "kind": kind.kind, **copy(body)})
        lifecycle.born(kind, fresh, birth())
        fresh = self.rules.created(kind, fresh)
        return self._store(kind, self.rules.allocated(kind, fresh, None), None)

    @staticmethod
    def _refuse(kind: ResourceType, name: str, causes: list[Cause]) -> None:
        if causes:
            raise invalid(kind.kind, kind.group, name, causes)
