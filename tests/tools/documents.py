"""The project's pages as data: links, anchors, and the commands that they tell somebody to type."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    [
        *ROOT.glob("*.md"),
        *(page for folder in ("docs", "services", "examples", "bench", "cli", "libs", "sandbox", "deploy")
          for page in (ROOT / folder).rglob("*.md")),
    ]
)  # fmt: skip
_CODE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\(([^()\s]+)\)")
_SPAN = re.compile(r"`([^`\n]+)`")


@dataclass(frozen=True, slots=True)
class Command:
    """One program with its arguments, and the page that names it."""

    page: str
    words: tuple[str, ...]
    mentioned: bool = False
    """In a sentence, where it may be its name alone."""

    def __str__(self) -> str:
        return f"{self.page}: {shlex.join(self.words)}"


def name_of(page: Path) -> str:
    """Where it is in the repository."""
    return page.relative_to(ROOT).as_posix()


def links(page: Path) -> Iterator[str]:
    """Targets of a page's links and pictures, code left out."""
    yield from _LINK.findall(_SPAN.sub("", _CODE.sub("", page.read_text())))


def anchors(page: Path) -> set[str]:
    """What can stand behind # in a link to it: its own `<a id=…>`, and its headings as GitHub makes them."""
    text = page.read_text()
    found = set(re.findall(r'<a id="([^"]+)">', text))
    for heading in re.findall(r"^#+ (.*)$", _CODE.sub("", text), re.MULTILINE):
        plain = re.sub(r"<[^>]*>|[^\w\- ]", "", heading.lower())
        found.add(plain.strip().replace(" ", "-"))
    return found


def commands(page: Path, program: str) -> Iterator[Command]:
    """What of a page starts with a program: lines of code, each part of a pipe, and code within sentences.

    What has an ellipsis or alternatives (`a|b`) in it is no command but a way to speak of one.
    """
    for line, mentioned in _lines(page.read_text()):
        if re.search(r"\w\|\w", line):
            continue
        for part in re.split(r"\s*(?:\|\||&&|[|;<>]\(?)\s*", re.sub(r"\s#\s.*", "", line)):
            words = _words(part.strip().removesuffix(")"))
            while words and re.fullmatch(r"\w+=\S*", words[0]):
                words = words[1:]
            if words[:1] == [program] and "…" not in part and "..." not in part:
                yield Command(name_of(page), tuple(words), mentioned)


def _words(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError:
        return []


def _lines(text: str) -> Iterator[tuple[str, bool]]:
    """Code, a command a line, and whether a sentence is around it."""
    text = re.sub(r"[ \t]*\\\n\s*", " ", text)
    fenced, prose = False, []
    for line in text.splitlines():
        if line.startswith("```"):
            fenced = not fenced
        elif fenced or line.startswith("    "):
            yield line.strip().removeprefix("$ ").removeprefix("> "), False
        else:
            prose.append(line.strip())
    for paragraph in "\n".join(prose).split("\n\n"):  # sentences break lines inside of code
        yield from ((span.strip(), True) for span in _SPAN.findall(paragraph.replace("\n", " ")))
