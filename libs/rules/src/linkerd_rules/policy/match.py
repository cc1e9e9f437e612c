"""Matching requests: conditions compiled to closures over bytes, and the order of alternatives.

Paths and headers are compared as they are on the wire; query parameters are decoded first. Hosts are compared without
port and case. An `unknown` kind anywhere inside a condition makes it match nothing, also under `not`: a newer control
plane's condition must not turn into "everything".
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple
from urllib.parse import parse_qsl

from linkerd_contract.matching import Condition, MatchKind, NamedMatch, StringMatch
from linkerd_rules.policy.regex import compile_regex

Headers = Sequence[tuple[bytes, bytes]]


class Request(NamedTuple):
    """What conditions look at: method, host (lower case, no port), path and query (without "?"), header fields."""

    method: bytes
    host: bytes
    path: bytes
    query: bytes
    headers: Headers


Matcher = Callable[[Request], bool]
Rank = tuple[int, int, int, int, int, int, int]
"""Gateway API precedence, the greater first: host (exact, length), path (exact, length), headers, query, method."""


def request(method: bytes, authority: bytes, path: bytes, headers: Headers) -> Request:
    """Take a request line apart. `path` is the target in origin form, with its query."""
    bare, _, query = path.partition(b"?")
    return Request(method, host_of(authority), bare, query, headers)


def host_of(authority: bytes) -> bytes:
    """Host of an authority, lower case; IPv6 brackets stay."""
    host, colon, port = authority.rpartition(b":")
    return (host if colon and port.isdigit() else authority).lower()


def never(_: Request) -> bool:
    """Matches nothing."""
    return False


def compile_condition(condition: Condition) -> Matcher | None:
    """A closure, or None where everything matches. Raises ValueError for a regular expression that does not compile."""
    if _unknown(condition):
        return never
    tests = _own_tests(condition)
    for child in condition.all:
        if (test := compile_condition(child)) is not None:
            tests.append(test)
    if condition.any:
        alternatives = [compile_condition(child) for child in condition.any]
        if None not in alternatives:
            tests.append(_any([test for test in alternatives if test is not None]))
    if condition.not_ is not None:
        inner = compile_condition(condition.not_)
        tests.append(never if inner is None else _not(inner))
    return _all(tests)


def _own_tests(condition: Condition) -> list[Matcher]:
    tests: list[Matcher] = []
    if condition.method is not None:
        method = condition.method.encode()
        tests.append(lambda r: r.method == method)
    if condition.path is not None:
        test_path = compile_path(condition.path)
        tests.append(lambda r: test_path(r.path))
    tests += [_header(match) for match in condition.headers]
    tests += [_query(match) for match in condition.query]
    return tests


def _all(tests: list[Matcher]) -> Matcher | None:
    if len(tests) < 2:
        return tests[0] if tests else None
    return lambda r: all(test(r) for test in tests)


def _any(tests: list[Matcher]) -> Matcher:
    return lambda r: any(test(r) for test in tests)


def _not(test: Matcher) -> Matcher:
    return lambda r: not test(r)


def _unknown(condition: Condition) -> bool:
    strings = [condition.path] if condition.path is not None else []
    strings += [named.match for named in (*condition.headers, *condition.query)]
    children = [*condition.all, *condition.any, *([condition.not_] if condition.not_ is not None else [])]
    return any(s.kind is MatchKind.unknown for s in strings) or any(_unknown(child) for child in children)


def compile_value(match: StringMatch) -> Callable[[bytes], bool]:
    """Test of a header or query value."""
    value = match.value.encode()
    if match.kind is MatchKind.exact:
        return lambda text: text == value
    if match.kind is MatchKind.prefix:
        return lambda text: text.startswith(value)
    if match.kind is MatchKind.regex:
        return compile_regex(match.value)
    return lambda _: False


def compile_path(match: StringMatch) -> Callable[[bytes], bool]:
    """Test of a path. A prefix is of whole segments: /abc takes /abc and /abc/d, not /abcd (Gateway API)."""
    if match.kind is not MatchKind.prefix:
        return compile_value(match)
    value = match.value.encode().rstrip(b"/")
    if not value:
        return lambda _: True
    inside = value + b"/"
    return lambda path: path == value or path.startswith(inside)


def _header(named: NamedMatch) -> Matcher:
    """Any field of that name may match; names are compared without case."""
    name, test = named.name.lower().encode(), compile_value(named.match)
    return lambda r: any(test(value) for key, value in r.headers if key == name or key.lower() == name)


def _query(named: NamedMatch) -> Matcher:
    name, test = named.name.encode(), compile_value(named.match)

    def matches(r: Request) -> bool:
        pairs = parse_qsl(r.query, keep_blank_values=True, max_num_fields=None)
        return any(test(value) for key, value in pairs if key == name)

    return matches


def compile_host(match: StringMatch) -> Callable[[bytes], bool]:
    """Test of a host. An exact "*.example.com" takes any number of labels in front (Gateway API hostnames)."""
    value = match.value.lower().encode()
    if match.kind is MatchKind.exact and value.startswith(b"*."):
        suffix = value[1:]
        return lambda host: host.endswith(suffix) and len(host) > len(suffix)
    if match.kind is MatchKind.exact:
        return lambda host: host == value
    return compile_value(match)


def rank(host: StringMatch | None, condition: Condition) -> Rank:
    """Precedence of one alternative. A regular expression ranks by its length, as a prefix does."""
    host_exact = host_length = 0
    if host is not None:
        host_exact = 2 if host.kind is MatchKind.exact and not host.value.startswith("*.") else 1
        host_length = len(host.value)
    path_exact = path_length = 0
    if condition.path is not None:
        path_exact = 1 if condition.path.kind is MatchKind.exact else 0
        path_length = len(condition.path.value.rstrip("/"))
    return (
        host_exact,
        host_length,
        path_exact,
        path_length,
        len(condition.headers),
        len(condition.query),
        1 if condition.method is not None else 0,
    )
