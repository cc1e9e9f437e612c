"""Filters of a route: header changes, redirects, injected faults; compiled once.

A filter of an unknown kind, or one without its arguments, makes the route answer 500: guessing would be worse.
"""

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from linkerd_contract.matching import Condition, Fault, Filter, FilterType, HeaderModifier, MatchKind, Redirect
from linkerd_rules.policy.match import Headers
from linkerd_rules.policy.timeouts import LONGEST_MS

_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_VALUE = re.compile(r"[\t\x20-\x7e\x80-\U0010ffff]*")
_URI_PART = re.compile(r"[\x21-\x7e]*")
_FRAMING = frozenset(
    ("connection", "content-length", "host", "keep-alive", "proxy-connection", "te", "transfer-encoding", "upgrade")
)
"""Fields that say where messages begin, end and go to: setting one would make two readers see two messages."""

_DEFAULT_PORTS = {"http": 80, "https": 443}


class Redirected(NamedTuple):
    """Answer with this status and Location."""

    status: int
    location: bytes


class Failed(NamedTuple):
    """Answer with an injected failure: an HTTP or a gRPC status."""

    http_status: int | None
    grpc_status: int | None
    message: str


class Invalid(NamedTuple):
    """Answer 500: the route's filters cannot be carried out."""

    message: str


Answer = Redirected | Failed | Invalid


class Target(NamedTuple):
    """What a redirect starts from. `prefix` is the path prefix that the route matched, or empty."""

    scheme: str
    authority: str
    path: str
    prefix: str = ""


class HeaderRules:
    """One header modifier: set replaces, add appends, remove deletes, in that order (Gateway API)."""

    __slots__ = ("_add", "_drop", "_set")

    def __init__(self, modifier: HeaderModifier) -> None:
        self._set = [(h.name.lower().encode(), h.value.strip().encode()) for h in modifier.set]
        self._add = [(h.name.lower().encode(), h.value.strip().encode()) for h in modifier.add]
        removed = {name.lower().encode() for name in modifier.remove}
        self._drop = removed | {name for name, _ in self._set}
        self._set = [(name, value) for name, value in self._set if name not in removed]
        self._add = [(name, value) for name, value in self._add if name not in removed]

    def apply(self, headers: Headers) -> list[tuple[bytes, bytes]]:
        """The changed header fields; names that this adds are lower case."""
        kept = [field for field in headers if field[0].lower() not in self._drop]
        return [*kept, *self._set, *self._add]


class Filters:
    """The filters of a route or backend. With `empty` there is nothing to call."""

    __slots__ = ("_answers", "_delays", "_invalid", "_request", "_response", "empty")

    def __init__(self, filters: Sequence[Filter]) -> None:
        self.empty = not filters
        self._request: list[HeaderRules] = []
        self._response: list[HeaderRules] = []
        self._answers: list[Redirect | Fault] = []
        self._delays: list[Fault] = []
        self._invalid: Invalid | None = None
        for one in filters:
            self._add(one)

    def answer(self, target: Target, random: float) -> Answer | None:
        """What to answer instead of forwarding; `random` is uniform in [0, 1)."""
        if self._invalid is not None:
            return self._invalid
        for one in self._answers:
            if isinstance(one, Redirect):
                return Redirected(one.status, redirect_location(one, target).encode())
            if random * 100 < one.percent:
                return Failed(one.http_status, one.grpc_status, one.message)
        return None

    def delay_ms(self, random: float) -> int:
        """How long to wait before forwarding."""
        return sum(min(fault.delay_ms, LONGEST_MS) for fault in self._delays if random * 100 < fault.percent)

    def request_headers(self, headers: Headers) -> Headers:
        """The request's fields, changed."""
        return _apply(self._request, headers)

    def response_headers(self, headers: Headers) -> Headers:
        """The response's fields, changed."""
        return _apply(self._response, headers)

    def _add(self, one: Filter) -> None:
        problem = _problem(one)
        if problem:
            self._invalid = Invalid(problem)
            return
        match one:
            case Filter(type=FilterType.request_headers, headers=HeaderModifier() as modifier):
                self._request.append(HeaderRules(modifier))
            case Filter(type=FilterType.response_headers, headers=HeaderModifier() as modifier):
                self._response.append(HeaderRules(modifier))
            case Filter(type=FilterType.redirect, redirect=Redirect() as redirect):
                self._answers.append(redirect)
            case Filter(type=FilterType.fail | FilterType.abort, fault=Fault() as fault):
                self._answers.append(fault)
            case Filter(type=FilterType.delay, fault=Fault() as fault):
                self._delays.append(fault)
            case _:
                self._invalid = Invalid(f"filter {one.type.value} cannot be carried out")


def _problem(one: Filter) -> str:
    """Why a filter with its arguments cannot be carried out; empty where it can."""
    what = f"filter {one.type.value} cannot be carried out: "
    if one.headers is not None:
        for field in (*one.headers.set, *one.headers.add):
            if not _NAME.fullmatch(field.name) or not _VALUE.fullmatch(field.value):
                return f"{what}{field.name!r} is no header, or its value is none"
            if field.name.lower() in _FRAMING:
                return f"{what}{field.name} is not a policy's to set"
    if one.redirect is not None:
        parts = (one.redirect.scheme, one.redirect.host, one.redirect.path, one.redirect.prefix)
        if not all(_URI_PART.fullmatch(part) for part in parts if part) or not 300 <= one.redirect.status <= 399:
            return f"{what}its target or status is none of a redirect"
    if one.fault is not None:
        status = one.fault.http_status
        if (status is not None and not 200 <= status <= 599) or one.fault.delay_ms < 0:
            return f"{what}its status or delay is none"
    return ""


def _apply(rules: Iterable[HeaderRules], headers: Headers) -> Headers:
    for rule in rules:
        headers = rule.apply(headers)
    return headers


def matched_prefix(path: str, matches: Sequence[Condition]) -> str:
    """The longest path prefix of a route that this path begins with, for redirects that replace it; else ""."""
    bare = path.partition("?")[0]
    prefixes = [m.path.value.rstrip("/") for m in matches if m.path is not None and m.path.kind is MatchKind.prefix]
    return max((p for p in prefixes if bare == p or bare.startswith(p + "/")), key=len, default="")


def redirect_location(redirect: Redirect, target: Target) -> str:
    """Location of a redirect; what it does not name stays the request's (Gateway API RequestRedirect)."""
    scheme = redirect.scheme or target.scheme
    host, colon, port_text = target.authority.rpartition(":")
    if not colon or not port_text.isdecimal():
        host, port_text = target.authority, ""
    # A change of scheme without a port means the new scheme's own port.
    port = redirect.port or (int(port_text) if port_text and redirect.scheme is None else 0)
    authority = redirect.host or host
    if port and port != _DEFAULT_PORTS.get(scheme):
        authority = f"{authority}:{port}"
    return f"{scheme}://{authority}{_redirect_path(redirect, target)}"


def _redirect_path(redirect: Redirect, target: Target) -> str:
    path, question, query = target.path.partition("?")
    if redirect.path is not None:
        path = redirect.path
    elif redirect.prefix is not None:
        rest = path.removeprefix(target.prefix.rstrip("/"))
        path = redirect.prefix.rstrip("/") + (rest if rest.startswith("/") or not rest else "/" + rest)
    return (path or "/") + question + query
