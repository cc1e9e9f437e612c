"""Objects as the client asked for them: as they are, as a Table, or their metadata only. PURE."""

from collections.abc import Iterable, Sequence

from linkerd_sandbox.apiserver import conversions, tables
from linkerd_sandbox.apiserver.kinds import ResourceType
from linkerd_sandbox.apiserver.negotiate import Accepted
from linkerd_sandbox.apiserver.objects import JsonObject, encode
from linkerd_sandbox.apiserver.store import Stored

FORMS = (
    ("Table", "v1"),
    ("Table", "v1beta1"),
    ("PartialObjectMetadata", "v1"),
    ("PartialObjectMetadataList", "v1"),
)


def view(kind: ResourceType, body: JsonObject) -> JsonObject:
    """The object in the version that was asked for."""
    if conversions.converts(kind):
        return conversions.shown(kind, body)
    if kind.custom and body.get("apiVersion") != kind.api_version:
        return {**body, "apiVersion": kind.api_version}
    return body


def raw(kind: ResourceType, stored: Stored) -> bytes:
    """JSON text of a stored object in the version that was asked for."""
    if conversions.converts(kind) or (kind.custom and kind.custom.storage_version != kind.version):
        return encode(view(kind, stored.body))
    return stored.raw


def partial(body: JsonObject) -> JsonObject:
    """The object's metadata only."""
    return {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": body.get("metadata", {})}


class Representation:
    """How one request wants its objects."""

    def __init__(self, kind: ResourceType, form: Accepted, include: str, now: float) -> None:
        self.kind = kind
        self.form = form.form
        self._version = form.version
        self._include = include or "Metadata"
        self.now = now

    def one(self, stored: Stored) -> bytes:
        """A stored object."""
        if self.form == "object":
            return raw(self.kind, stored)
        return self.body(stored.body)

    def body(self, body: JsonObject) -> bytes:
        """An object."""
        if self.form == "Table":
            return encode(self._table([body], {"resourceVersion": body["metadata"].get("resourceVersion", "")}))
        if self.form.startswith("Partial"):
            return encode(partial(body))
        return encode(view(self.kind, body))

    def event(self, stored: Stored, *, headers: bool) -> bytes:
        """A stored object in a watch; of Tables only the first has column definitions."""
        if self.form != "Table":
            return self.one(stored)
        table = self._table([stored.body], {"resourceVersion": str(stored.revision)})
        if not headers:
            table["columnDefinitions"] = None
        return encode(table)

    def bookmark(self, revision: int, annotations: dict[str, str]) -> bytes:
        """An object that carries nothing but a revision."""
        meta: JsonObject = {"resourceVersion": str(revision), "creationTimestamp": None}
        if annotations:
            meta["annotations"] = annotations
        if self.form == "Table":
            table = self._table([], {"resourceVersion": str(revision)})
            bare = {"kind": self.kind.kind, "apiVersion": self.kind.api_version, "metadata": meta}
            if annotations:
                table["rows"] = [{"cells": [], "object": bare}]
            return encode(table)
        if self.form.startswith("Partial"):
            return encode({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": meta})
        return encode({"kind": self.kind.kind, "apiVersion": self.kind.api_version, "metadata": meta})

    def list(self, items: Sequence[Stored], meta: JsonObject) -> bytes:
        """A list of stored objects."""
        if self.form == "Table":
            return encode(self._table([item.body for item in items], meta))
        if self.form.startswith("Partial"):
            found = [partial(item.body) for item in items]
            kind, version = "PartialObjectMetadataList", "meta.k8s.io/v1"
            return encode({"kind": kind, "apiVersion": version, "metadata": meta, "items": found})
        head = {"kind": f"{self.kind.kind}List", "apiVersion": self.kind.api_version, "metadata": meta}
        return encode(head)[:-1] + b',"items":[' + b",".join(raw(self.kind, item) for item in items) + b"]}"

    def _table(self, bodies: Iterable[JsonObject], meta: JsonObject) -> JsonObject:
        as_stored = conversions.converts(self.kind)  # columns are made of the stored version
        shown = list(bodies) if as_stored else [view(self.kind, body) for body in bodies]
        found = tables.table(self.kind, shown, self.now, self._include)
        return {**found, "apiVersion": f"meta.k8s.io/{self._version}", "metadata": meta}
