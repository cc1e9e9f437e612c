"""Field managers: who owns which field of an object, and server-side apply over that. PURE.

Kubernetes tracks every write. Here an object is tracked from its first write that names a field manager (kubectl always
does) or applies; what it had before belongs to `before-first-apply`, as in Kubernetes' skipnonapplied.go. That keeps
what controllers make for themselves small. Source: k8s.io/apimachinery/pkg/util/managedfields.
"""

from dataclasses import dataclass
from typing import Final

from msgspec import DecodeError

from linkerd_sandbox.apiserver import fieldsets
from linkerd_sandbox.apiserver.fieldsets import Path
from linkerd_sandbox.apiserver.objects import JsonObject, JsonValue, decode, dig, dig_list
from linkerd_sandbox.apiserver.schemas import Node
from linkerd_sandbox.apiserver.status import Cause, StatusError

BEFORE: Final = "before-first-apply"
_LAST_APPLIED: Final = "kubectl.kubernetes.io/last-applied-configuration"


@dataclass(frozen=True, slots=True)
class Writer:
    """Who writes, and how."""

    manager: str
    operation: str
    """`Apply` or `Update`."""
    api_version: str
    now: str
    subresource: str = ""

    @property
    def key(self) -> tuple[str, str, str]:
        return self.manager, self.operation, self.subresource


@dataclass(slots=True)
class Owner:
    """One entry of managedFields."""

    writer: Writer
    paths: frozenset[Path]


def read(body: JsonObject) -> list[Owner]:
    """The owners that an object's metadata names."""
    found: list[Owner] = []
    for entry in dig_list(body, "metadata", "managedFields"):
        writer = Writer(
            str(entry.get("manager", "")),
            str(entry.get("operation", "Update")),
            str(entry.get("apiVersion", "")),
            str(entry.get("time", "")),
            str(entry.get("subresource", "")),
        )
        found.append(Owner(writer, fieldsets.from_v1(entry.get("fieldsV1") or {})))
    return found


def written(owners: list[Owner]) -> list[JsonObject]:
    """managedFields: applied ones first, then by time; owners of nothing go."""
    entries: list[JsonObject] = []
    for owner in sorted(owners, key=lambda one: (one.writer.operation, one.writer.now, one.writer.manager)):
        if not owner.paths:
            continue
        writer = owner.writer
        entry: JsonObject = {
            "manager": writer.manager,
            "operation": writer.operation,
            "apiVersion": writer.api_version,
            "time": writer.now,
            "fieldsType": "FieldsV1",
            "fieldsV1": fieldsets.to_v1(owner.paths),
        }
        if writer.subresource:
            entry["subresource"] = writer.subresource
        entries.append(entry)
    return entries


def _set(body: JsonObject, owners: list[Owner]) -> JsonObject:
    meta = {key: value for key, value in body["metadata"].items() if key != "managedFields"}
    if entries := written(owners):
        meta["managedFields"] = entries
    return {**body, "metadata": meta}


def _own(owners: list[Owner], writer: Writer, paths: frozenset[Path]) -> list[Owner]:
    """The owners with the writer's set replaced; its time stays where the set does."""
    rest = [owner for owner in owners if owner.writer.key != writer.key]
    mine = next((owner for owner in owners if owner.writer.key == writer.key), None)
    same = mine is not None and mine.paths == paths and mine.writer.api_version == writer.api_version
    return [*rest, mine if mine is not None and same else Owner(writer, paths)]


def updated(old: JsonObject | None, new: JsonObject, writer: Writer, node: Node | None) -> JsonObject:
    """The new object with its owners after a plain write: what changed is the writer's now, and nobody else's."""
    before = fieldsets.leaves(old, node) if old is not None else {}
    after = fieldsets.leaves(new, node)
    changed = frozenset(path for path, value in after.items() if path not in before or before[path] != value)
    gone = before.keys() - after.keys()
    owners = read(new)
    mine = next((owner.paths for owner in owners if owner.writer.key == writer.key), frozenset())
    if not changed and not gone:
        return _set(new, owners)
    for owner in owners:
        owner.paths -= changed | gone
    if changed:
        owners = _own(owners, writer, (mine | changed) - gone)
    return _set(new, owners)


def applied(
    live: JsonObject | None, config: JsonObject, writer: Writer, node: Node | None, *, force: bool
) -> JsonObject:
    """The object after an apply, its owners included. Raises `StatusError` 409 where others own what it changes."""
    wanted = fieldsets.leaves(config, node)
    mine = frozenset(wanted)
    if live is None:
        return _set(config, [Owner(writer, mine)])
    owners = read(live)
    before = fieldsets.leaves(live, node)
    if not owners:
        first = Writer(BEFORE, "Update", writer.api_version, writer.now)
        owners = [Owner(first, frozenset(before))]
    others = [owner for owner in owners if owner.writer.key != writer.key]
    last = next((owner.paths for owner in owners if owner.writer.key == writer.key), frozenset())
    changed = {path for path, value in wanted.items() if path in before and before[path] != value}
    changed |= {path for path in wanted if path not in before}
    own = _applied_by_kubectl(live, before, node) if writer.manager == "kubectl" else frozenset()
    clashes = [(owner, sorted(owner.paths & changed)) for owner in others if (owner.paths & changed) - own]
    if clashes and not force:
        raise _conflict(clashes)
    for owner in others:
        owner.paths -= changed
    kept = frozenset[Path]().union(*(owner.paths for owner in others))
    dropped = {path for path in last - mine if not _held(path, kept | mine)}
    result: JsonObject = {}
    body = fieldsets.without(live, dropped, _Whole(node)) if dropped else live
    for key in [*body, *(key for key in config if key not in body)]:
        value = body.get(key)
        if key in config and key not in ("apiVersion", "kind"):
            value = fieldsets.merged(value, config[key], fieldsets.meta_node(node, key)) if key in body else config[key]
        result[key] = value
    left = fieldsets.leaves(result, node).keys()
    for owner in others:
        owner.paths &= left
    return _set(result, _own([*others, *(one for one in owners if one.writer.key == writer.key)], writer, mine))


def _applied_by_kubectl(live: JsonObject, before: dict[Path, JsonValue], node: Node | None) -> frozenset[Path]:
    """What kubectl's client-side apply set and nobody changed since: kubectl may go on with it server-side."""
    text = dig(live, "metadata", "annotations", _LAST_APPLIED)
    try:
        last = decode(text) if isinstance(text, str) else None
    except DecodeError:
        return frozenset()
    if not isinstance(last, dict):
        return frozenset()
    found = fieldsets.leaves(last, node)
    return frozenset(path for path, value in found.items() if before.get(path) == value)


def _held(path: Path, paths: frozenset[Path]) -> bool:
    """Whether somebody has the path or something below it."""
    return any(other[: len(path)] == path for other in paths)


class _Whole(Node):
    """The schema of a whole object, metadata included, which custom kinds do not declare."""

    __slots__ = ("_inner",)

    def __init__(self, inner: Node | None) -> None:
        super().__init__(inner.schema if inner is not None else {})
        self._inner = inner

    def child(self, name: str) -> Node | None:
        return fieldsets.meta_node(self._inner, name)


def _conflict(clashes: list[tuple[Owner, list[Path]]]) -> StatusError:
    lines: list[str] = []
    causes: list[Cause] = []
    for owner, paths in clashes:
        who = _shown(owner.writer)
        fields = [fieldsets.shown(path) for path in paths]
        causes += [Cause(field, "FieldManagerConflict", f"conflict with {who}") for field in fields]
        lines.append(f"conflicts with {who}:\n" + "\n".join(f"- {field}" for field in fields))
    count = f"{len(causes)} conflict" + ("s" if len(causes) > 1 else "")
    if len(causes) == 1:
        lines = [f"{causes[0].message}: {causes[0].field}"]
    shown = [{"reason": cause.reason, "message": cause.message, "field": cause.field} for cause in causes]
    return StatusError(409, "Conflict", f"Apply failed with {count}: " + "\n".join(lines), {"causes": shown})


def _shown(writer: Writer) -> str:
    name = f'"{writer.manager}"'
    if writer.subresource:
        name += f' with subresource "{writer.subresource}"'
    return f"{name} using {writer.api_version}" if writer.operation == "Update" else name
