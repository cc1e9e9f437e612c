"""Conditions on requests: each kind, their nesting, and the precedence of alternatives."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkerd_contract.matching import Condition, MatchKind, NamedMatch, StringMatch
from linkerd_rules.policy.match import compile_condition, compile_host, compile_path, host_of, rank, request

PREFIX, EXACT, UNKNOWN = MatchKind.prefix, MatchKind.exact, MatchKind.unknown

GET = request(
    b"GET",
    b"Web.Example.com:80",
    b"/api/v1/items?color=red&empty=&name=a%20b&color=blue",
    [(b"accept", b"text/html"), (b"X-Version", b"v2"), (b"accept", b"text/plain")],
)


def header(name: str, value: str, kind: MatchKind = EXACT) -> NamedMatch:
    return NamedMatch(name, StringMatch(value, kind))


@pytest.mark.parametrize(
    ("condition", "matches"),
    [
        (Condition(), True),
        (Condition(method="GET"), True),
        (Condition(method="get"), False),
        (Condition(path=StringMatch("/api/v1/items")), True),
        (Condition(path=StringMatch("/api/v1/item")), False),
        (Condition(path=StringMatch("/api/v1", PREFIX)), True),
        (Condition(path=StringMatch("/api/v", PREFIX)), False),
        (Condition(headers=[header("Accept", "text/plain")]), True),
        (Condition(headers=[header("x-version", "v", PREFIX)]), True),
        (Condition(headers=[header("x-version", "v3")]), False),
        (Condition(headers=[header("x-absent", "", PREFIX)]), False),
        (Condition(query=[header("color", "blue")]), True),
        (Condition(query=[header("name", "a b")]), True),
        (Condition(query=[header("empty", "")]), True),
        (Condition(query=[header("Color", "red")]), False),
        (Condition(method="GET", path=StringMatch("/other")), False),
        (Condition(any=[Condition(method="PUT"), Condition(method="GET")]), True),
        (Condition(any=[Condition(method="PUT"), Condition(method="POST")]), False),
        (Condition(any=[Condition(method="PUT"), Condition()]), True),
        (Condition(all=[Condition(method="GET"), Condition(path=StringMatch("/api", PREFIX))]), True),
        (Condition(all=[Condition(method="GET"), Condition(path=StringMatch("/x", PREFIX))]), False),
        (Condition(not_=Condition(method="PUT")), True),
        (Condition(not_=Condition()), False),
        (Condition(method="GET", not_=Condition(method="GET")), False),
        # What a newer control plane says and we do not know matches nothing, however it is nested.
        (Condition(path=StringMatch("/", UNKNOWN)), False),
        (Condition(not_=Condition(path=StringMatch("/", UNKNOWN))), False),
        (Condition(any=[Condition(), Condition(headers=[header("a", "b", UNKNOWN)])]), False),
    ],
)
def test_conditions(condition: Condition, matches: bool) -> None:
    test = compile_condition(condition)
    assert (test is None or test(GET)) is matches


def test_an_empty_condition_costs_nothing() -> None:
    assert compile_condition(Condition()) is None


@pytest.mark.parametrize(
    ("prefix", "path", "matches"),
    [
        ("/abc", b"/abc", True),
        ("/abc", b"/abc/", True),
        ("/abc", b"/abc/d", True),
        ("/abc", b"/abcd", False),
        ("/abc/", b"/abc", True),
        ("/abc/", b"/abc/d", True),
        ("/", b"/anything", True),
        ("", b"*", True),
    ],
)
def test_path_prefixes_are_of_whole_segments(prefix: str, path: bytes, matches: bool) -> None:
    assert compile_path(StringMatch(prefix, PREFIX))(path) is matches


@pytest.mark.parametrize(
    ("pattern", "kind", "host", "matches"),
    [
        ("web.example.com", EXACT, b"web.example.com", True),
        ("Web.Example.com", EXACT, b"web.example.com", True),
        ("*.example.com", EXACT, b"web.example.com", True),
        ("*.example.com", EXACT, b"a.web.example.com", True),
        ("*.example.com", EXACT, b"example.com", False),
        ("*.example.com", EXACT, b"webexample.com", False),
        ("web", PREFIX, b"web.example.com", True),
    ],
)
def test_hosts(pattern: str, kind: MatchKind, host: bytes, matches: bool) -> None:
    assert compile_host(StringMatch(pattern, kind))(host) is matches


@pytest.mark.parametrize(
    ("authority", "host"),
    [
        (b"web:80", b"web"),
        (b"WEB", b"web"),
        (b"[::1]:80", b"[::1]"),
        (b"[::1]", b"[::1]"),
        (b"", b""),
        (b"web:", b"web:"),
    ],
)
def test_host_of(authority: bytes, host: bytes) -> None:
    assert host_of(authority) == host


def test_precedence() -> None:
    exact_host, wide = StringMatch("web.example.com"), StringMatch("*.example.com")
    path = Condition(path=StringMatch("/a/b"))
    prefix, longer = Condition(path=StringMatch("/a", PREFIX)), Condition(path=StringMatch("/a/b", PREFIX))
    one = Condition(path=StringMatch("/a", PREFIX), headers=[header("a", "b")])
    method = Condition(path=StringMatch("/a", PREFIX), method="GET")
    query = Condition(path=StringMatch("/a", PREFIX), query=[header("a", "b")])
    ordered = [
        rank(exact_host, Condition()),
        rank(wide, path),
        rank(None, path),
        rank(None, longer),
        rank(None, one),
        rank(None, query),
        rank(None, method),
        rank(None, prefix),
        rank(None, Condition()),
    ]
    assert ordered == sorted(ordered, reverse=True)
    assert len(set(ordered)) == len(ordered)


@given(st.binary(), st.binary(), st.binary(), st.lists(st.tuples(st.binary(), st.binary())))
def test_no_request_is_too_strange(
    method: bytes, authority: bytes, path: bytes, headers: list[tuple[bytes, bytes]]
) -> None:
    condition = Condition(
        path=StringMatch("/a", PREFIX),
        headers=[header("a", "b")],
        query=[header("a", "b")],
        any=[Condition(method="GET"), Condition()],
    )
    test = compile_condition(condition)
    assert test is not None
    assert test(request(method, authority, path, headers)) in (True, False)
