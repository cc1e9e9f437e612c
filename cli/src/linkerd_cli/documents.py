"""Manifests as streams of documents: split without touching a byte, read, write.

Rules: a document nobody changes leaves byte for byte as it came. What is written again has sorted keys. Scalars are
read as Kubernetes reads them (no timestamps), and written so that neither a YAML 1.1 nor a 1.2 reader takes a string
for something else.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

import yaml

from linkerd_cli.errors import CliError

SEPARATOR = "---\n"
_FLOAT = re.compile(r"[-+]?(?:[0-9]+|[0-9]*\.[0-9]+)[eE][-+]?[0-9]+$")
_OCTAL_OR_LETTER = re.compile(r"(?:0o[0-7]+|[-+]?0[0-9]+|[yYnN]|=|<<)$")


@dataclass(frozen=True, slots=True)
class Document:
    """One document of a stream: its exact text, and where it is."""

    source: str
    line: int
    """Of its first line, from 1."""
    text: str

    @property
    def blank(self) -> bool:
        """White space and comments only."""
        return all(not line.strip() or line.lstrip().startswith("#") for line in self.text.split("\n"))


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]  # the C one where it was built
    """YAML as Kubernetes reads it."""


class _Dumper(yaml.SafeDumper):
    """YAML that every reader takes the same way."""

    def ignore_aliases(self, data: object) -> bool:
        """Kubernetes manifests have no anchors."""
        return True


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver("tag:yaml.org,2002:float", _FLOAT, list("-+0123456789."))
_Dumper.add_implicit_resolver("tag:yaml.org,2002:float", _FLOAT, list("-+0123456789."))
# Nothing is represented with this tag: a string that matches is quoted.
_Dumper.add_implicit_resolver("tag:yaml.org,2002:int", _OCTAL_OR_LETTER, list("-+0yYnN=<"))


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    # A block reads better than one quoted line, but cannot hold trailing spaces or control characters.
    block = "\n" in value and re.search(r"[ \t]\n|[^\n\t\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd]|^[ \t\n]", value) is None
    # YAML 1.1 takes these for line breaks; only double quotes can escape them.
    escaped = re.search(r"[\x85\u2028\u2029\ufeff]", value) is not None
    style = '"' if escaped else "|" if block else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Dumper.add_representer(str, _text)


def split(text: str, source: str) -> Iterator[Document]:
    """The documents of a stream; a carriage return before a line feed is dropped, as Linkerd drops it."""
    # Not splitlines: it also breaks at characters that are text inside a line.
    lines = re.findall(r"[^\n]*\n|[^\n]+", text.replace("\r\n", "\n").removeprefix("\ufeff"))
    start, collected = 1, list[str]()
    for number, line in enumerate(lines, start=1):
        if line.startswith("---") and (len(line) == 3 or line[3] in " \t\n"):
            if collected:
                yield Document(source, start, "".join(collected))
            rest = line[3:].strip()
            start, collected = (number, [line[3:].lstrip(" \t")]) if rest and rest[0] != "#" else (number + 1, [])
        else:
            collected.append(line)
    if collected:
        yield Document(source, start, "".join(collected))


def load(document: Document) -> object:
    """What the document says. Raises CliError with file, line and column."""
    if document.text.lstrip().startswith("{"):
        # JSON may be indented with tabs, which YAML forbids.
        try:
            parsed: object = json.loads(document.text)
        except ValueError:
            pass
        else:
            return parsed
    try:
        return cast(object, yaml.load(document.text, _Loader))  # noqa: S506 - a safe loader
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line, mark.column + 1) if mark else (0, 1)
        problem = error.problem or error.context or "not YAML"
        raise CliError(f"{document.source}:{document.line + line}:{column}: {problem}") from error
    except (yaml.YAMLError, ValueError) as error:
        reason = str(error).partition("\n")[0]
        raise CliError(f"{document.source}:{document.line}:1: {reason}") from error


def dump_yaml(value: object) -> str:
    """YAML with sorted keys, ending in a newline."""
    return str(
        yaml.dump(value, Dumper=_Dumper, sort_keys=True, default_flow_style=False, allow_unicode=True, width=2**31)
    )


def dump_json(value: object) -> str:
    """One line of JSON with sorted keys."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False) + "\n"
