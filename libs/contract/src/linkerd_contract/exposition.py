"""Prometheus' text to samples, only of the families that are asked for. PURE.

A proxy exposes hundreds of series of which a reader needs a few, so a line is looked at no further than its name unless
it is wanted, and a label set is taken apart once per process: most lines repeat those of the last scrape.
"""

import re
from collections.abc import Iterator

Labels = dict[str, str]
_LINE = re.compile(r"([A-Za-z_:][A-Za-z0-9_:]*)(\{(?:[^\"{}]|\"(?:[^\"\\]|\\.)*\")*\})?[ \t]+(\S+)")
_LABEL = re.compile(r"\s*([A-Za-z_][A-Za-z0-9_]*)\s*=\s*\"((?:[^\"\\]|\\.)*)\"\s*(?:,|$)")
_ESCAPE = re.compile(r"\\(.)")
_UNESCAPED = {"n": "\n", "\\": "\\", '"': '"'}


class Unreadable(ValueError):
    """A line that is no sample; the message has its number."""


def parse(text: str, families: frozenset[str]) -> Iterator[tuple[str, str, float]]:
    """(sample's name, its label text as written, value) of the families wanted, in order. Raises Unreadable.

    A histogram's samples have the names FAMILY_bucket, _sum and _count; ask for those. Timestamps and exemplars are
    passed over.
    """
    for number, line in enumerate(text.split("\n"), start=1):
        brace = line.find("{")
        name = line[:brace] if brace >= 0 else line.partition(" ")[0]
        if name.rstrip() not in families:
            continue
        match = _LINE.match(line)
        if match is None:
            raise Unreadable(f"line {number} is not a sample")
        try:
            value = float(match[3])
        except ValueError:
            raise Unreadable(f"line {number}: {match[3]!r} is not a number") from None
        yield match[1], (match[2] or "{}")[1:-1], value


def parse_labels(text: str) -> Labels:
    """The labels of what stood between the braces. Raises Unreadable."""
    labels: Labels = {}
    position = 0
    while position < len(text):
        match = _LABEL.match(text, position)
        if match is None:
            if text[position:].strip():
                raise Unreadable(f"labels {text!r}")
            break
        value = match[2]
        labels[match[1]] = _ESCAPE.sub(_unescape, value) if "\\" in value else value
        position = match.end()
    return labels


def _unescape(match: re.Match[str]) -> str:
    return _UNESCAPED.get(match[1], match[0])
