"""Label and field selectors: parse once, match often. PURE.

Grammar: k8s.io/apimachinery/pkg/labels (`a=b, c!=d, e in (x,y), f notin (z), g, !h`) and pkg/fields (`a=b,c!=d`).
"""

import re
from collections.abc import Callable, Mapping
from typing import Literal, NamedTuple

from linkerd_sandbox.apiserver.objects import JsonObject, dig, dig_list, dig_map
from linkerd_sandbox.apiserver.status import bad_request

Operator = Literal["in", "notin", "exists", "missing", "gt", "lt"]


class Requirement(NamedTuple):
    """One condition on one key."""

    key: str
    operator: Operator
    values: tuple[str, ...] = ()

    def matches(self, values: Mapping[str, str]) -> bool:
        """Whether the mapping meets the condition."""
        value = values.get(self.key)
        match self.operator:
            case "in":
                return value is not None and value in self.values
            case "notin":
                return value is None or value not in self.values
            case "exists":
                return value is not None
            case "missing":
                return value is None
            case "gt":
                return _number(value) > int(self.values[0]) if _is_number(value) else False
            case "lt":
                return _number(value) < int(self.values[0]) if _is_number(value) else False


def _is_number(value: str | None) -> bool:
    return value is not None and value.lstrip("-").isdigit()


def _number(value: str | None) -> int:
    return int(value or "0")


Selector = tuple[Requirement, ...]
EVERYTHING: Selector = ()

_KEY = r"[A-Za-z0-9](?:[-A-Za-z0-9_./]*[A-Za-z0-9])?"
_TERM = re.compile(
    rf"\s*(?:(?P<missing>!)\s*(?P<mkey>{_KEY})"
    rf"|(?P<skey>{_KEY})\s+(?P<set>in|notin)\s*\((?P<values>[^()]*)\)"
    rf"|(?P<ckey>{_KEY})\s*(?P<compare>==|=|!=|>|<)\s*(?P<value>[^,\s]*)"
    rf"|(?P<ekey>{_KEY}))\s*(?:,|$)"
)


def parse_labels(text: str) -> Selector:
    """Requirements of a label selector. Raises `StatusError` 400."""
    found: list[Requirement] = []
    position = 0
    while position < len(text):
        term = _TERM.match(text, position)
        if term is None or term.end() == position:
            raise bad_request(f'unable to parse requirement: couldn\'t parse the selector string "{text}"')
        found.append(_requirement(term))
        position = term.end()
    return tuple(found)


def _requirement(term: re.Match[str]) -> Requirement:
    if term["missing"]:
        return Requirement(term["mkey"], "missing")
    if term["set"]:
        values = tuple(value.strip() for value in term["values"].split(","))
        return Requirement(term["skey"], "in" if term["set"] == "in" else "notin", values)
    if term["compare"]:
        compare, value = term["compare"], term["value"]
        if compare in "<>":
            if not _is_number(value):
                raise bad_request(f"for 'Gt', 'Lt' operators, the value must be an integer: {value}")
            return Requirement(term["ckey"], "gt" if compare == ">" else "lt", (value,))
        return Requirement(term["ckey"], "notin" if compare == "!=" else "in", (value,))
    return Requirement(term["ekey"], "exists")


_OBJECT_OPERATORS: dict[str, Operator] = {"In": "in", "NotIn": "notin", "Exists": "exists", "DoesNotExist": "missing"}


def from_object(selector: JsonObject | None) -> Selector:
    """Requirements of a `LabelSelector` object; the empty selector matches everything."""
    found = [Requirement(key, "in", (value,)) for key, value in dig_map(selector, "matchLabels").items()]
    for expression in dig_list(selector, "matchExpressions"):
        operator = _OBJECT_OPERATORS.get(dig(expression, "operator") or "")
        if operator is None:
            raise bad_request(f'"{dig(expression, "operator")}" is not a valid label selector operator')
        found.append(Requirement(expression["key"], operator, tuple(dig_list(expression, "values"))))
    return tuple(found)


_FIELD = re.compile(r"\s*(?P<key>[^=!,\s]+)\s*(?P<compare>==|=|!=)\s*(?P<value>[^,]*?)\s*$")


def parse_fields(text: str, known: Callable[[str], bool]) -> Selector:
    """Requirements of a field selector. Raises `StatusError` 400 for fields that the kind cannot be selected by."""
    found: list[Requirement] = []
    for part in text.split(","):
        if not part.strip():
            continue
        term = _FIELD.match(part)
        if term is None:
            raise bad_request(f"invalid selector: '{text}'; can't understand '{part}'")
        if not known(term["key"]):
            raise bad_request(f"field label not supported: {term['key']}")
        found.append(Requirement(term["key"], "notin" if term["compare"] == "!=" else "in", (term["value"],)))
    return tuple(found)


def matches(selector: Selector, values: Mapping[str, str]) -> bool:
    """Whether every requirement holds."""
    return all(requirement.matches(values) for requirement in selector)
