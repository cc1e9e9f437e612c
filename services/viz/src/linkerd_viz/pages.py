"""A proxy's page of metrics, to the samples of the families that are kept. PURE.

Read a hundred times a second in a large mesh: a line is cut at its last blank and its label set is not looked at, for
nearly every one is known from the scrape before. Lines of another shape than the proxy writes (timestamps, exemplars)
make the whole page go through the contract's parser.
"""

import math
from typing import NamedTuple

from linkerd_contract.exposition import Unreadable, parse
from linkerd_viz.families import WANTED

# A page has hundreds of series; one of more than this is not a proxy's.
MAX_SERIES = 50_000


class Page(NamedTuple):
    """Samples in the order of the page: names with their label text as written, and values."""

    keys: list[str]
    values: list[float]


def read(text: str) -> Page:
    """The page's samples. Raises Unreadable."""
    keys: list[str] = []
    values: list[float] = []
    try:
        for line in text.split("\n"):
            brace = line.find("{")
            if (line[:brace] if brace >= 0 else line.partition(" ")[0]) not in WANTED:
                continue
            key, _, value = line.rpartition(" ")
            if brace >= 0 and (key[-1:] != "}" or " # " in line):
                return _irregular(text)
            keys.append(key)
            values.append(float(value))
    except ValueError:
        return _irregular(text)
    return _checked(Page(keys, values))


def _irregular(text: str) -> Page:
    keys, values = [], []
    for name, labels, value in parse(text, WANTED):
        keys.append(f"{name}{{{labels}}}")
        values.append(value)
    return _checked(Page(keys, values))


def _checked(page: Page) -> Page:
    if len(page.keys) > MAX_SERIES:
        raise Unreadable(f"more than {MAX_SERIES} series")
    for key, value in zip(page.keys, page.values, strict=True) if not math.isfinite(sum(page.values)) else ():
        if not math.isfinite(value):
            raise Unreadable(f"{key} is {value}")
    return page
