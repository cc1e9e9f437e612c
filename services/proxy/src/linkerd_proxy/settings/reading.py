"""What the readers of all settings share. They see names without the prefix, which messages get back."""

from enum import Enum
from typing import TypeVar

from linkerd_runtime.settings import Reader

PREFIX = "LINKERD2_PROXY_"

E = TypeVar("E", bound=Enum)


def choice(read: Reader, name: str, default: E) -> E:
    """A member of an enum, by its value."""
    value = read.choice(name, str(default.value), tuple(str(member.value) for member in type(default)))
    return type(default)(value)


def csv(text: str) -> list[str]:
    """The items of a list."""
    return [part for part in (p.strip() for p in text.split(",")) if part]


def ratio(text: str) -> float:
    """A number from 0 to 1."""
    number = float(text)
    if not 0 <= number <= 1:
        raise ValueError(f"{text!r} is not a number from 0 to 1")
    return number
