"""What a check is, and what it can say."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from linkerd_cli.check.state import State

Result = Literal["success", "warning", "error"]
HINTS = "docs/checks.md#"


class Failed(Exception):
    """The answer is no; the message says why, in one line or several."""


class Skipped(Exception):
    """The question does not arise here; nothing is printed."""


@dataclass(frozen=True, slots=True)
class Check:
    """One question. `run` raises Failed where the answer is no.

    A `warning` fails nothing; after a `fatal` one nothing else is asked; one with `retry` is asked again until it
    holds or --wait is over, for what comes true by itself after an installation.
    """

    description: str
    anchor: str
    run: "Callable[[State], Awaitable[None]]"
    warning: bool = False
    fatal: bool = False
    retry: bool = False

    @property
    def hint(self) -> str:
        """Where to read more."""
        return HINTS + self.anchor


@dataclass(frozen=True, slots=True)
class Category:
    """Checks under one heading, in order."""

    name: str
    checks: tuple[Check, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a check."""

    check: Check
    result: Result
    error: str = ""
