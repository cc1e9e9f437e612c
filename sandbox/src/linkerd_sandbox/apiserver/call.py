"""One write as it passes through decoding, admission and storage. PURE."""

from dataclasses import dataclass, field
from typing import Literal, Protocol

from linkerd_sandbox.apiserver.identity import User
from linkerd_sandbox.apiserver.kinds import ResourceType
from linkerd_sandbox.apiserver.objects import JsonObject

Operation = Literal["CREATE", "UPDATE", "DELETE", "CONNECT"]
FieldValidation = Literal["Strict", "Warn", "Ignore"]


@dataclass(slots=True)
class Call:
    """The options of a request, and the warnings that it collects."""

    user: User
    dry_run: bool = False
    field_validation: FieldValidation = "Warn"
    field_manager: str = ""
    """As the client named itself; empty where it did not."""
    agent: str = ""
    """The client's program, which owns what it writes where it names no field manager."""
    applies: bool = False
    """A server-side apply: the owners of its fields are decided already."""
    warnings: list[str] = field(default_factory=list)

    def warn(self, text: str) -> None:
        """Tell the client, once."""
        if text not in self.warnings:
            self.warnings.append(text)


@dataclass(frozen=True, slots=True)
class Attributes:
    """What admission knows of a write beside the objects."""

    call: Call
    operation: Operation
    kind: ResourceType
    namespace: str
    name: str
    subresource: str = ""
    options: JsonObject = field(default_factory=dict)


class Admission(Protocol):
    """Plugins and webhooks that may change or refuse a write."""

    async def mutate(self, attributes: Attributes, body: JsonObject, old: JsonObject | None) -> JsonObject:
        """The object as it shall be. Raises `StatusError`."""

    async def before_deletion(self, attributes: Attributes, old: JsonObject) -> None:
        """Ask mutating webhooks about a deletion. Raises `StatusError` to refuse."""

    async def validate(self, attributes: Attributes, body: JsonObject | None, old: JsonObject | None) -> None:
        """Raises `StatusError` to refuse."""
