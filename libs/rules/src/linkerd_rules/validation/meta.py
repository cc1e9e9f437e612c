"""Who an object is, and the shape of every reader's answer."""

from collections.abc import Callable
from typing import Generic, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from linkerd_rules.validation.fields import Fields, Problem

T = TypeVar("T")


class Meta(Struct, frozen=True, kw_only=True, gc=False):
    """The part of `metadata` that decisions depend on. `created` is RFC 3339: older sorts first."""

    namespace: str
    name: str
    uid: str = ""
    created: str = ""
    generation: int = 0

    @property
    def key(self) -> tuple[str, str]:
        return (self.namespace, self.name)

    @property
    def age(self) -> tuple[str, str, str]:
        """Order in which conflicting objects win: the oldest, then by name (Gateway API, Linkerd)."""
        return (self.created, self.namespace, self.name)


class Resource(Struct, frozen=True, kw_only=True):
    """What one reader makes of one object; compares by value."""

    meta: Meta
    unusable: str = ""
    """Why it has no effect, of a kind that shows this in its status: such an object is kept for that alone."""

    @property
    def key(self) -> tuple[str, str]:
        return self.meta.key


R = TypeVar("R", bound=Resource)


class Reading(Generic[T]):
    """What was read. `value` is only to be used where no problem is serious."""

    __slots__ = ("problems", "value")

    def __init__(self, value: T, problems: list[Problem]) -> None:
        self.value = value
        self.problems = problems

    @property
    def serious(self) -> list[Problem]:
        """Problems for which the object cannot be used."""
        return [problem for problem in self.problems if not problem.ignorable]

    def usable(self) -> T:
        """The value. Raises ValueError where there are serious problems."""
        if self.serious:
            raise ValueError("; ".join(map(str, self.serious)))
        return self.value


def kept(reading: Reading[R]) -> R:
    """The value, marked as unusable where there are serious problems."""
    if not reading.serious:
        return reading.value
    return replace(reading.value, unusable="; ".join(map(str, reading.serious)))


def read_document(obj: object, read: Callable[[Meta, Fields, Fields], T]) -> Reading[T]:
    """A document: `read` gets its Meta, its annotations, its spec. `status` and metadata are the API server's."""
    problems: list[Problem] = []
    root = Fields(obj, "", problems)
    for name in ("apiVersion", "kind", "status"):
        root.raw(name)
    metadata = Fields(root.raw("metadata") or {}, "metadata", problems)
    meta = Meta(
        namespace=metadata.text("namespace"),
        name=metadata.text("name"),
        uid=metadata.text("uid"),
        created=metadata.text("creationTimestamp"),
        generation=metadata.integer("generation", 0, 2**63) or 0,
    )
    spec = root.child("spec", required=True) or Fields({}, "spec", [])
    annotations = Fields(metadata.raw("annotations") or {}, "metadata.annotations", problems)
    value = read(meta, annotations, spec)
    spec.done()
    root.done()
    return Reading(value, problems)
