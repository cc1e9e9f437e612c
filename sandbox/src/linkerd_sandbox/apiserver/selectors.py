"""Label and field selectors: parse once, match often. PURE.

Grammar: k8s.io/apimachinery/pkg/labels (`a=b, c!=d, e in (x,y), f notin (z), g, !h`) and pkg/fields (`a=b,c!=d`).
"""

import re
from collections.abc import Callable, Collection, Mapping
from typing import Literal, NamedTuple

from linkerd_sandbox.apiserver.objects import JsonObject, dig, dig_list, dig_map
from linkerd_sandbox.apiserver.status import bad_request
from linkerd_sandbox.apiserver.validation import names

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

_TOKEN = re.compile(r"\s*(==|!=|[=!<>(),]|[^=!<>(),\s]+)\s*")
_COMPARES: dict[str, Operator] = {"=": "in", "==": "in", "!=": "notin", ">": "gt", "<": "lt"}
_SYMBOLS = frozenset(("==", "!=", *"=!<>(),"))
_UNREADABLE = "unable to parse requirement: "


class _Tokens:
    """What is left of a selector."""

    def __init__(self, text: str) -> None:
        self._left = _TOKEN.findall(text)[::-1]

    def peek(self) -> str:
        return self._left[-1] if self._left else ""

    def take(self) -> str:
        return self._left.pop() if self._left else ""


def parse_labels(text: str) -> Selector:
    """Requirements of a label selector. Raises `StatusError` 400 in the words of k8s.io/apimachinery/pkg/labels."""
    tokens = _Tokens(text)
    found: list[Requirement] = []
    while tokens.peek():
        found.append(_requirement(tokens))
        after = tokens.take()
        if after not in ("", ","):
            raise bad_request(f"found '{after}', expected: ',' or 'end of string'")
        if after == "," and not tokens.peek():
            raise bad_request("found '', expected: identifier after ','")
    return tuple(found)


def _requirement(tokens: _Tokens) -> Requirement:
    missing = tokens.peek() == "!"
    if missing:
        tokens.take()
    key = tokens.take()
    if key in _SYMBOLS or not key:
        raise bad_request(f"{_UNREADABLE}found '{key}', expected: identifier")
    if why := names.qualified(key):
        raise bad_request(f'{_UNREADABLE}<nil>: Invalid value: "{key}": {why}')
    if missing:
        return Requirement(key, "missing")
    if tokens.peek() in ("", ","):
        return Requirement(key, "exists")
    operator = tokens.take()
    if operator in ("in", "notin"):
        return Requirement(key, "in" if operator == "in" else "notin", _set(tokens))
    if operator not in _COMPARES:
        raise bad_request(f"{_UNREADABLE}found '{operator}', expected: in, notin, =, ==, !=, gt, lt")
    value = "" if tokens.peek() in ("", ",") else tokens.take()
    if value in _SYMBOLS:
        raise bad_request(f"{_UNREADABLE}found '{value}', expected: identifier")
    if operator in "<>" and not _is_number(value):
        raise bad_request(f"{_UNREADABLE}for 'Gt', 'Lt' operators, the value must be an integer")
    if why := names.label_value(value):
        raise bad_request(f'{_UNREADABLE}invalid label value: "{value}": at key: "{key}": {why}')
    return Requirement(key, _COMPARES[operator], (value,))


def _set(tokens: _Tokens) -> tuple[str, ...]:
    opening = tokens.take()
    if opening != "(":
        raise bad_request(f"{_UNREADABLE}found '{opening}' expected: '('")
    values: list[str] = []
    while True:
        value = "" if tokens.peek() in (",", ")") else tokens.take()
        after = tokens.take()
        if value in _SYMBOLS or after not in (",", ")"):
            raise bad_request(f"{_UNREADABLE}found '{after or value}', expected: ',' or ')'")
        values.append(value)
        if after == ")":
            return tuple(values)


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


def parse_fields(text: str, known: Collection[str], refusal: Callable[[str], str]) -> Selector:
    """Requirements of a field selector. Raises `StatusError` 400 for fields that the kind cannot be selected by."""
    found: list[Requirement] = []
    for part in text.split(","):
        if not part.strip():
            continue
        term = _FIELD.match(part)
        if term is None:
            raise bad_request(f"invalid selector: '{text}'; can't understand '{part}'")
        if term["key"] not in known:
            raise bad_request(refusal(term["key"]))
        found.append(Requirement(term["key"], "notin" if term["compare"] == "!=" else "in", (term["value"],)))
    return tuple(found)


def matches(selector: Selector, values: Mapping[str, str]) -> bool:
    """Whether every requirement holds."""
    return all(requirement.matches(values) for requirement in selector)
