"""How answers are shown: table (Linkerd's default), short (problems only), json."""

import json
import sys
from collections.abc import Mapping
from typing import Protocol, TextIO

from linkerd_cli.check.model import Answer, Category, Check, Result

MARKS: dict[Result, str] = {"success": "√", "warning": "‼", "error": "×"}
_CLEAR = "\r\033[K"
_COLOURS = {"success": "32", "warning": "33", "error": "31"}


def marks_for(stream: TextIO, environ: Mapping[str, str]) -> dict[Result, str]:
    """Coloured on a terminal, unless NO_COLOR is set (https://no-color.org) or the terminal has no colours."""
    if not stream.isatty() or environ.get("NO_COLOR") or environ.get("TERM") == "dumb":
        return MARKS
    return {result: f"\033[{_COLOURS[result]}m{mark}\033[0m" for result, mark in MARKS.items()}


class Report(Protocol):
    """Told of every answer as it comes, and of the end."""

    def answer(self, category: Category, answer: Answer) -> None:
        """One check was answered."""

    def waiting(self, check: Check, reason: str) -> None:
        """A check is being asked; `reason` is "", or why it does not hold yet."""

    def extension(self) -> None:
        """What follows are an extension's checks."""

    def end(self, success: bool) -> None:
        """All was asked."""


class Table:
    """Headings, a line for each check, the hint under what failed; `short` leaves out what holds."""

    def __init__(self, marks: Mapping[Result, str], short: bool = False) -> None:
        self._marks = marks
        self._short = short
        self._category = ""
        self._transient = sys.stdout.isatty()
        self._dirty = False

    def answer(self, category: Category, answer: Answer) -> None:
        """One check was answered."""
        self._wipe()
        if self._short and answer.result == "success":
            return
        if category.name != self._category:
            if self._category:
                print()
            print(f"{category.name}\n{'-' * len(category.name)}")
            self._category = category.name
        print(f"{self._marks[answer.result]} {answer.check.description}")
        if answer.result != "success":
            for line in answer.error.splitlines() or ["no reason was given"]:
                print(f"    {line}")
            print(f"    see {answer.check.hint} for hints")
        sys.stdout.flush()

    def waiting(self, check: Check, reason: str) -> None:
        """On a terminal, a line that the answer overwrites."""
        if self._transient:
            why = f" ({reason.partition(chr(10))[0][:60]})" if reason else ""
            sys.stdout.write(f"{_CLEAR}… {check.description}{why}")
            sys.stdout.flush()
            self._dirty = True

    def extension(self) -> None:
        """An extension's categories follow like the others."""

    def end(self, success: bool) -> None:
        """The last line."""
        self._wipe()
        if self._category:
            print()
        print(f"Status check results are {self._marks['success' if success else 'error']}")

    def _wipe(self) -> None:
        if self._dirty:
            sys.stdout.write(_CLEAR)
            self._dirty = False


class Json:
    """Linkerd's document; an extension has one of its own."""

    def __init__(self) -> None:
        self._documents: list[dict[str, list[Answer]]] = [{}]

    def answer(self, category: Category, answer: Answer) -> None:
        """Kept until the end."""
        self._documents[-1].setdefault(category.name, []).append(answer)

    def waiting(self, check: Check, reason: str) -> None:
        """Nothing is said."""

    def extension(self) -> None:
        """A new document."""
        self._documents.append({})

    def end(self, success: bool) -> None:
        """Print the documents."""
        for document in self._documents:
            categories = [{"categoryName": name, "checks": [*map(_json, checks)]} for name, checks in document.items()]
            fine = all(answer.result != "error" for checks in document.values() for answer in checks)
            json.dump({"success": fine, "categories": categories}, sys.stdout, indent=2, ensure_ascii=False)
            print()


def _json(answer: Answer) -> dict[str, str]:
    fields = {"description": answer.check.description}
    if answer.result != "success":
        fields |= {"hint": answer.check.hint, "error": answer.error}
    return fields | {"result": answer.result}
