"""Routes of a ServiceProfile from a Protocol Buffers file (proto2, proto3, editions), as Linkerd makes them. PURE.

A route for each RPC of each service: POST to /package.Service/Method. An RPC that declares itself repeatable
(`option idempotency_level = IDEMPOTENT` or NO_SIDE_EFFECTS) is retryable. Imports are not followed: a route needs the
names of services and methods alone. Source of the grammar: the Protocol Buffers Language Specification.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from linkerd_cli.errors import CliError
from linkerd_cli.profile.document import quoted, service_profile
from linkerd_cli.tree import JsonObject

_TOKEN = re.compile(
    r"""(?P<skip>\s+|//[^\n]*|/\*.*?\*/)
      |(?P<text>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')
      |(?P<word>[A-Za-z_0-9.+-]+)
      |(?P<mark>[{}()\[\]<>;:,=/])""",
    re.VERBOSE | re.DOTALL,
)
_NAME = re.compile(r"[A-Za-z_][A-Za-z_0-9]*")
_FULL_NAME = re.compile(rf"{_NAME.pattern}(?:\.{_NAME.pattern})*")
_CLOSING = {"{": "}", "(": ")", "[": "]"}
_REPEATABLE = frozenset({"IDEMPOTENT", "NO_SIDE_EFFECTS"})
_LEVELS = _REPEATABLE | {"IDEMPOTENCY_UNKNOWN"}


class Token(NamedTuple):
    """A word, a mark or a quoted text, and its line, from 1."""

    text: str
    line: int


class Method(NamedTuple):
    """An RPC by its full names."""

    service: str
    name: str
    repeatable: bool


def profile(text: str, source: str, full_name: str, namespace: str) -> JsonObject:
    """The ServiceProfile called `full_name`. Raises CliError with file and line of what cannot be read."""
    methods = list(_Parser(text, source).methods())
    if not methods:
        raise CliError(f"{source}: no service with an RPC in it")
    return service_profile(full_name, namespace, map(_route, methods))


def _route(method: Method) -> JsonObject:
    path = quoted(f"/{method.service}/{method.name}")
    route: JsonObject = {"name": method.name, "condition": {"method": "POST", "pathRegex": path}}
    return route | ({"isRetryable": True} if method.repeatable else {})


class _Parser:
    """Knows services, methods and their options; passes over every other statement by its braces."""

    def __init__(self, text: str, source: str) -> None:
        self._source = source
        self._tokens = list(self._split(text))
        self._at = 0
        self._package = ""

    def methods(self) -> Iterator[Method]:
        """In the file's order. A package counts for the whole file, wherever it stands."""
        found: list[tuple[str, str, bool]] = []
        while self._at < len(self._tokens):
            word = self._next()
            if word.text == "package":
                self._package = self._name(_FULL_NAME, "a package's name")
                self._want(";")
            elif word.text == "service":
                found += self._service()
            elif word.text not in (";", "}"):
                self._pass_over()
            elif word.text == "}":
                raise self._wrong(word, "nothing is open that this could close")
        prefix = f"{self._package}." if self._package else ""
        yield from (Method(prefix + service, name, repeatable) for service, name, repeatable in found)

    def _service(self) -> Iterator[tuple[str, str, bool]]:
        service = self._name(_NAME, "a service's name")
        self._want("{")
        while (word := self._next()).text != "}":
            if word.text == "rpc":
                yield (service, *self._rpc())
            elif word.text != ";":
                self._pass_over()

    def _rpc(self) -> tuple[str, bool]:
        name = self._name(_NAME, "an RPC's name")
        self._want("(")
        self._close("(")
        self._want("returns")
        self._want("(")
        self._close("(")
        end = self._next()
        if end.text == ";":
            return name, False
        if end.text != "{":
            raise self._wrong(end, "expected { or ;")
        repeatable = False
        while (word := self._next()).text != "}":
            if word.text == "option" and self._peek() == "idempotency_level":
                repeatable = self._level()
            elif word.text != ";":
                self._pass_over()
        return name, repeatable

    def _level(self) -> bool:
        self._next()
        self._want("=")
        level = self._next()
        if level.text not in _LEVELS:
            raise self._wrong(level, f"idempotency_level is one of {', '.join(sorted(_LEVELS))}")
        self._want(";")
        return level.text in _REPEATABLE

    def _pass_over(self) -> None:
        """To the end of a statement: its semicolon, or its block, unless that is the value of an option."""
        value = False
        while True:
            token = self._next()
            if token.text == ";":
                return
            if token.text in _CLOSING:
                self._close(token.text)
                if token.text == "{" and not value:
                    return
            elif token.text in _CLOSING.values():
                raise self._wrong(token, "expected ; before this")
            value = value or token.text == "="

    def _close(self, opened: str) -> None:
        """To the mark that closes what was opened, whatever is nested in between."""
        stack = [_CLOSING[opened]]
        while stack:
            token = self._next()
            if token.text in _CLOSING:
                stack.append(_CLOSING[token.text])
            elif token.text in _CLOSING.values() and token.text != stack.pop():
                raise self._wrong(token, "it closes what is not open")

    def _name(self, pattern: re.Pattern[str], what: str) -> str:
        token = self._next()
        if not pattern.fullmatch(token.text):
            raise self._wrong(token, f"expected {what}")
        return token.text

    def _want(self, text: str) -> None:
        token = self._next()
        if token.text != text:
            raise self._wrong(token, f"expected {text}")

    def _peek(self) -> str:
        return self._tokens[self._at].text if self._at < len(self._tokens) else ""

    def _next(self) -> Token:
        if self._at == len(self._tokens):
            last = self._tokens[-1].line if self._tokens else 1
            raise CliError(f"{self._source}:{last}: the file ends in the middle of a statement")
        self._at += 1
        return self._tokens[self._at - 1]

    def _wrong(self, token: Token, why: str) -> CliError:
        return CliError(f"{self._source}:{token.line}: {token.text}: {why}")

    def _split(self, text: str) -> Iterator[Token]:
        position, line = 0, 1
        text = text.removeprefix("\ufeff")
        while position < len(text):
            match = _TOKEN.match(text, position)
            if match is None:
                raise CliError(f"{self._source}:{line}: {text[position]!r} is not Protocol Buffers")
            if match.lastgroup != "skip":
                yield Token(match[0], line)
            line += match[0].count("\n")
            position = match.end()
