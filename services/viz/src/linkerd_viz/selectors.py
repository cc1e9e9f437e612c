"""Label selectors as kubectl's -l takes them. PURE."""

import re
from collections.abc import Callable, Mapping

_NAME = r"[A-Za-z0-9]([A-Za-z0-9_./-]*[A-Za-z0-9])?"
_TERM = re.compile(
    rf"\s*(?:(?P<not>!)?\s*(?P<key>{_NAME})|(?P<eq>{_NAME})\s*(?P<op>==|=|!=)\s*(?P<value>[A-Za-z0-9_.-]*)"
    rf"|(?P<set>{_NAME})\s+(?P<in>in|notin)\s*\((?P<values>[A-Za-z0-9_., -]*)\))\s*(?:,|$)"
)
Labels = Mapping[str, str]
Selector = Callable[[Labels], bool]


def parse_selector(text: str) -> Selector:
    """Whether labels match `a=b,c!=d,e,!f,g in (h, i),j notin (k)`. Raises ValueError."""
    terms: list[Selector] = []
    position = 0
    while position < len(text):
        match = _TERM.match(text, position)
        if match is None:
            raise ValueError(f"{text!r} is not a label selector such as app=web,tier!=test")
        terms.append(_term(match))
        position = match.end()
    return lambda labels: all(term(labels) for term in terms)


def _term(match: "re.Match[str]") -> Selector:
    if (key := match["key"]) is not None:
        wanted = match["not"] is None
        return lambda labels: (key in labels) is wanted
    if (key := match["eq"]) is not None:
        value, equal = match["value"], match["op"] != "!="
        return lambda labels: (labels.get(key) == value) is equal
    key, inside = match["set"], match["in"] == "in"
    values = {value.strip() for value in match["values"].split(",")}
    return lambda labels: (labels.get(key) in values) is inside
