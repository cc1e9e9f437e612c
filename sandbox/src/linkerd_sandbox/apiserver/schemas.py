"""Schemas of the built-in kinds: read at first use from one compressed file, one definition decoded at a time. PURE.

A `Node` is a place in a schema with its reference resolved; validation, strategic merge patch and the population of
required fields all walk objects with it. Schemas of custom kinds are wrapped in the same class.
"""

import lzma
from functools import cached_property, lru_cache
from importlib import resources

import msgspec

from linkerd_sandbox.apiserver.objects import JsonObject

_REFERENCE = "#/components/schemas/"
META = "io.k8s.apimachinery.pkg.apis.meta.v1."


class Definitions:
    """Definitions by name, decoded when asked for."""

    def __init__(self, raw: dict[str, msgspec.Raw]) -> None:
        self._raw = raw
        self._decoded: dict[str, JsonObject] = {}

    def __contains__(self, name: str) -> bool:
        return name in self._raw

    def __getitem__(self, name: str) -> JsonObject:
        found = self._decoded.get(name)
        if found is None:
            found = msgspec.json.decode(self._raw[name])
            assert isinstance(found, dict)
            self._decoded[name] = found
        return found

    def raw(self, name: str) -> bytes:
        """The JSON text of a definition."""
        return bytes(self._raw[name])

    @cached_property
    def kinds(self) -> dict[tuple[str, str, str], str]:
        """(group, version, kind) -> name of the definition."""
        found: dict[tuple[str, str, str], str] = {}
        for name, raw in self._raw.items():
            text = bytes(raw)
            if b'"x-kubernetes-group-version-kind"' not in text:
                continue
            for gvk in msgspec.json.decode(text).get("x-kubernetes-group-version-kind", ()):
                found[(gvk["group"], gvk["version"], gvk["kind"])] = name
        return found


@lru_cache(maxsize=1)
def built_in() -> Definitions:
    """Definitions of the built-in kinds."""
    packed = resources.files("linkerd_sandbox.apiserver").joinpath("data/schemas.json.xz").read_bytes()
    document = msgspec.json.decode(lzma.decompress(packed), type=dict[str, dict[str, msgspec.Raw]])
    return Definitions(document["definitions"])


class Node:
    """A place in a schema."""

    __slots__ = ("_children", "extra", "name", "schema")

    def __init__(self, schema: JsonObject, extra: JsonObject | None = None, name: str = "") -> None:
        self.schema = schema
        """The schema with its reference resolved."""
        self.extra = extra or schema
        """The schema as it stands in its parent: patch strategies are written beside a reference, not behind it."""
        self.name = name
        """Name of the definition that this schema is, or empty."""
        self._children: dict[str, Node] = {}

    @property
    def go_name(self) -> str:
        """The name of the Go struct that the definition was made from (`PodSpec`)."""
        return self.name.rpartition(".")[2]

    @property
    def type(self) -> str:
        """`object`, `array`, `string`, `integer`, `number`, `boolean`; empty where anything goes."""
        found = self.schema.get("type", "")
        return found if isinstance(found, str) else ""

    @property
    def preserves(self) -> bool:
        """Whether unknown fields below are kept and not complained about."""
        schema = self.schema
        if schema.get("x-kubernetes-preserve-unknown-fields") or schema.get("x-kubernetes-embedded-resource"):
            return True
        return "properties" not in schema and "additionalProperties" not in schema

    def child(self, name: str) -> "Node | None":
        """The schema of a field, or of a map's values."""
        found = self._children.get(name)
        if found is not None:
            return found
        schema = self.schema.get("properties", {}).get(name)
        if schema is None:
            schema = self.schema.get("additionalProperties")
        if not isinstance(schema, dict):
            return None
        found = self._children[name] = resolve(schema)
        return found

    def items(self) -> "Node | None":
        """The schema of a list's items."""
        found = self._children.get("[]")
        if found is None:
            schema = self.schema.get("items")
            if not isinstance(schema, dict):
                return None
            found = self._children["[]"] = resolve(schema)
        return found

    @property
    def required(self) -> list[str]:
        """Names of the fields that must be there."""
        found: list[str] = self.schema.get("required", [])
        return found

    @property
    def merge_key(self) -> str | None:
        """The field that tells items of a merged list apart."""
        found: str | None = self.extra.get("x-kubernetes-patch-merge-key")
        return found

    @property
    def strategies(self) -> frozenset[str]:
        """`merge`, `replace`, `retainKeys`: how a strategic merge patch treats the field."""
        return frozenset(str(self.extra.get("x-kubernetes-patch-strategy", "")).split(",")) - {""}


_nodes: dict[str, Node] = {}


def definition(name: str) -> Node:
    """The node of a built-in definition. Raises KeyError."""
    found = _nodes.get(name)
    if found is None:
        found = _nodes[name] = Node(built_in()[name], name=name)
    return found


def resolve(schema: JsonObject) -> Node:
    """The node of a schema that may be a reference."""
    reference = _reference(schema)
    if reference is None:
        return Node(schema)
    target = definition(reference)
    found = Node(target.schema, schema, reference)
    found._children = target._children
    return found


def _reference(schema: JsonObject) -> str | None:
    found = schema.get("$ref")
    if found is None:
        # Kubernetes writes a reference with siblings as allOf of one.
        whole = schema.get("allOf")
        found = whole[0].get("$ref") if isinstance(whole, list) and len(whole) == 1 else None
    if not isinstance(found, str) or not found.startswith(_REFERENCE):
        return None
    return found.removeprefix(_REFERENCE)


def of_kind(group: str, version: str, kind: str) -> Node | None:
    """The node of a built-in kind, or None."""
    name = built_in().kinds.get((group, version, kind))
    return definition(name) if name else None
