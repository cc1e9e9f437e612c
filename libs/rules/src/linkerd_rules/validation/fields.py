"""Reading one JSON object field by field, with every fault noted at its place.

A reader asks for the fields that it knows; `done` reports what nobody asked for. Null is the same as absent (as in
Kubernetes). Reading never stops at a fault: a value that cannot be used becomes its default and a Problem.
"""

import difflib
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from linkerd_contract.durations import parse_go_duration_ms
from linkerd_rules.policy.regex import BadRegex, compile_regex

_DNS_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")


@dataclass(frozen=True, slots=True)
class Problem:
    """One fault: where it is ("spec.routes[0].condition") and how to mend it.

    `ignorable`: admission refuses it, but an object that has it can be used (an unknown field, of a newer version).
    """

    path: str
    message: str
    ignorable: bool = False

    def __str__(self) -> str:
        return f"{self.path}: {self.message}" if self.path else self.message


def is_dns_label(text: str) -> bool:
    """RFC 1123 label: what Kubernetes allows as the name of a namespace or Service."""
    return _DNS_LABEL.fullmatch(text) is not None


def is_dns_name(text: str) -> bool:
    """RFC 1123 subdomain."""
    return 0 < len(text) <= 253 and all(is_dns_label(label) for label in text.split("."))


class Fields:
    """One object at `path`. Problems go to the list that all readers of one document share."""

    __slots__ = ("_asked", "_object", "path", "problems")

    def __init__(self, value: object, path: str, problems: list[Problem]) -> None:
        self.path = path
        self.problems = problems
        self._asked: set[str] = set()
        self._object: dict[str, object] = {}
        if isinstance(value, dict):
            self._object = value
        else:
            problems.append(Problem(path, f"must be an object, not {_kind(value)}"))

    def problem(self, name: str, message: str, *, ignorable: bool = False) -> None:
        """Note a fault of a field, or with "" of the object itself."""
        self.problems.append(Problem(self.at(name), message, ignorable))

    def at(self, name: str) -> str:
        """Path of a field."""
        if not name:
            return self.path
        return f"{self.path}.{name}" if self.path else name

    def has(self, name: str) -> bool:
        """Whether the field is set."""
        return self._object.get(name) is not None

    def names(self) -> list[str]:
        """Fields that are set."""
        return [name for name, value in self._object.items() if value is not None]

    def raw(self, name: str, *, required: bool = False) -> object:
        """The value as it is; None where absent."""
        self._asked.add(name)
        value = self._object.get(name)
        if value is None and required:
            self.problem(name, "is required")
        return value

    def text(self, name: str, default: str = "", *, required: bool = False) -> str:
        """A string."""
        value = self.raw(name, required=required)
        if value is None:
            return default
        if not isinstance(value, str):
            self.problem(name, f"must be a string, not {_kind(value)}")
            return default
        if required and not value:
            self.problem(name, "must not be empty")
        return value

    def boolean(self, name: str) -> bool:
        """True or false; absent is false."""
        value = self.raw(name)
        if value is not None and not isinstance(value, bool):
            self.problem(name, f"must be true or false, not {_kind(value)}")
        return value is True

    def integer(self, name: str, low: int, high: int, *, required: bool = False) -> int | None:
        """A whole number from `low` to `high`."""
        value = self.raw(name, required=required)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            self.problem(name, f"must be a whole number from {low} to {high}, not {_show(value)}")
            return None
        return value

    def number(self, name: str, low: float, high: float, *, required: bool = False) -> float | None:
        """A number from `low` to `high`."""
        value = self.raw(name, required=required)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
            self.problem(name, f"must be a number from {low:g} to {high:g}, not {_show(value)}")
            return None
        return float(value)

    def choice(self, name: str, words: Iterable[str], default: str = "", *, required: bool = False) -> str:
        """One of some words."""
        value = self.text(name, default, required=required)
        words = tuple(words)
        if value and value not in words and value != default:
            near = difflib.get_close_matches(value, words, 1)
            self.problem(name, f"{value!r} is not one of {', '.join(words)}{_mean(near)}")
            return default
        return value

    def duration_ms(self, name: str, *, required: bool = False) -> int | None:
        """A duration such as 10s or 250ms, in milliseconds."""
        value = self.text(name, required=required)
        if not value:
            return None
        return self.convert(name, value, parse_go_duration_ms)

    def regex(self, name: str, *, required: bool = False) -> str:
        """A regular expression in RE2's syntax."""
        value = self.text(name, required=required)
        try:
            compile_regex(value)
        except BadRegex as error:
            self.problem(name, f"{error}; write it in RE2's syntax (no look-around, no back-references)")
        return value

    def convert(self, name: str, value: str, parse: Callable[[str], int]) -> int | None:
        """What a parser makes of a value; its ValueError becomes a Problem."""
        try:
            return parse(value)
        except ValueError as error:
            self.problem(name, str(error))
            return None

    def child(self, name: str, *, required: bool = False) -> "Fields | None":
        """An object inside."""
        value = self.raw(name, required=required)
        return None if value is None else Fields(value, self.at(name), self.problems)

    def children(self, name: str, *, required: bool = False) -> "list[Fields]":
        """A list of objects inside."""
        return [
            Fields(value, f"{self.at(name)}[{n}]", self.problems) for n, value in enumerate(self._list(name, required))
        ]

    def texts(self, name: str, *, required: bool = False) -> list[str]:
        """A list of strings."""
        found: list[str] = []
        for n, value in enumerate(self._list(name, required)):
            if isinstance(value, str) and value:
                found.append(value)
            else:
                self.problem(f"{name}[{n}]", "must be a string that is not empty")
        return found

    def one_of(self, *names: str) -> str:
        """Which of these fields is set; exactly one must be. "" where it is not so."""
        found = [name for name in names if self.has(name)]
        if len(found) == 1:
            return found[0]
        which = "none is" if not found else f"{' and '.join(found)} are"
        self.problem("", f"exactly one of {', '.join(names)} must be set; {which}")
        return ""

    def done(self) -> None:
        """Report fields that nobody asked for."""
        for name in self._object.keys() - self._asked:
            near = difflib.get_close_matches(name, sorted(self._asked), 1)
            self.problem(name, f"unknown field{_mean(near) or '; remove it'}", ignorable=True)

    def _list(self, name: str, required: bool) -> list[object]:
        value = self.raw(name, required=required)
        if value is None:
            return []
        if not isinstance(value, list):
            self.problem(name, f"must be a list, not {_kind(value)}")
            return []
        return value


def _mean(near: list[str]) -> str:
    return f"; did you mean {near[0]}?" if near else ""


def _kind(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true or false"
    names = {dict: "an object", list: "a list", str: "a string", int: "a number", float: "a number"}
    return names.get(type(value), type(value).__name__)


def _show(value: object) -> str:
    return repr(value) if isinstance(value, int | float | str) else _kind(value)
