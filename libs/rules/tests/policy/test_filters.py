"""Filters: headers in Gateway API order, redirects, faults; what is unknown answers 500."""

import pytest

from linkerd_contract.matching import (
    Condition,
    Fault,
    Filter,
    FilterType,
    HeaderModifier,
    HeaderValue,
    MatchKind,
    Redirect,
    StringMatch,
)
from linkerd_rules.policy.filters import (
    Failed,
    Filters,
    Invalid,
    Redirected,
    Target,
    matched_prefix,
    redirect_location,
)

HEADERS = [(b"accept", b"a"), (b"X-Old", b"1"), (b"x-old", b"2"), (b"x-gone", b"3")]
TARGET = Target("http", "web:8080", "/api/v1?x=1", "/api")


def modifier(kind: FilterType) -> Filter:
    return Filter(
        kind,
        HeaderModifier(
            set=[HeaderValue("X-Old", "new")],
            add=[HeaderValue("Accept", "b"), HeaderValue("x-gone", "never")],
            remove=["X-Gone"],
        ),
    )


def test_headers_are_set_added_and_removed() -> None:
    expected = [(b"accept", b"a"), (b"x-old", b"new"), (b"accept", b"b")]
    filters = Filters([modifier(FilterType.request_headers)])
    assert filters.request_headers(HEADERS) == expected
    assert filters.response_headers(HEADERS) is HEADERS
    filters = Filters([modifier(FilterType.response_headers)])
    assert filters.response_headers(HEADERS) == expected
    assert filters.answer(TARGET, 0.5) is None
    assert not filters.empty


def test_no_filters_are_empty() -> None:
    filters = Filters([])
    assert filters.empty
    assert filters.answer(TARGET, 0.0) is None
    assert filters.delay_ms(0.0) == 0


@pytest.mark.parametrize(
    ("redirect", "location"),
    [
        (Redirect(), "http://web:8080/api/v1?x=1"),
        (Redirect(scheme="https"), "https://web/api/v1?x=1"),
        (Redirect(scheme="https", port=443), "https://web/api/v1?x=1"),
        (Redirect(host="other"), "http://other:8080/api/v1?x=1"),
        (Redirect(port=80), "http://web/api/v1?x=1"),
        (Redirect(path="/new"), "http://web:8080/new?x=1"),
        (Redirect(prefix="/v2"), "http://web:8080/v2/v1?x=1"),
        (Redirect(prefix="/"), "http://web:8080/v1?x=1"),
    ],
)
def test_redirects(redirect: Redirect, location: str) -> None:
    assert redirect_location(redirect, TARGET) == location
    answer = Filters([Filter(FilterType.redirect, redirect=redirect)]).answer(TARGET, 0.0)
    assert answer == Redirected(302, location.encode())


def test_the_longest_prefix_that_a_path_begins_with() -> None:
    matches = [Condition(path=StringMatch(path, MatchKind.prefix)) for path in ("/a", "/a/b/", "/x")]
    matches += [Condition(path=StringMatch("/a/b/c")), Condition()]
    assert matched_prefix("/a/b/c?q=/x", matches) == "/a/b"
    assert matched_prefix("/ab", matches) == ""


def test_a_prefix_that_takes_the_whole_path() -> None:
    assert redirect_location(Redirect(prefix="/"), Target("http", "web", "/api", "/api")) == "http://web/"


def test_faults_hit_their_share() -> None:
    filters = Filters([Filter(FilterType.fail, fault=Fault(25.0, 503, message="no"))])
    assert filters.answer(TARGET, 0.249) == Failed(503, None, "no")
    assert filters.answer(TARGET, 0.25) is None
    assert Filters([Filter(FilterType.abort, fault=Fault(grpc_status=14))]).answer(TARGET, 0.99) == Failed(None, 14, "")


def test_delays_add_up() -> None:
    filters = Filters(
        [
            Filter(FilterType.delay, fault=Fault(delay_ms=100)),
            Filter(FilterType.delay, fault=Fault(50.0, delay_ms=20)),
        ]
    )
    assert filters.delay_ms(0.4) == 120
    assert filters.delay_ms(0.6) == 100


@pytest.mark.parametrize("filter_", [Filter(FilterType.unknown), Filter(FilterType.redirect), Filter(FilterType.delay)])
def test_what_cannot_be_carried_out_answers_500(filter_: Filter) -> None:
    filters = Filters([filter_, modifier(FilterType.request_headers)])
    assert isinstance(filters.answer(TARGET, 0.5), Invalid)


@pytest.mark.parametrize(
    "one",
    [
        Filter(FilterType.request_headers, HeaderModifier(set=[HeaderValue("a b", "x")])),
        Filter(FilterType.request_headers, HeaderModifier(add=[HeaderValue("a", "x\r\nevil: 1")])),
        Filter(FilterType.response_headers, HeaderModifier(set=[HeaderValue("", "x")])),
        Filter(FilterType.response_headers, HeaderModifier(set=[HeaderValue("Transfer-Encoding", "chunked")])),
        Filter(FilterType.request_headers, HeaderModifier(set=[HeaderValue("host", "other")])),
        Filter(FilterType.redirect, redirect=Redirect(host="a\r\nb")),
        Filter(FilterType.redirect, redirect=Redirect(status=200)),
        Filter(FilterType.abort, fault=Fault(http_status=100)),
        Filter(FilterType.delay, fault=Fault(delay_ms=-1)),
    ],
)
def test_arguments_that_would_break_a_message(one: Filter) -> None:
    answer = Filters([one]).answer(Target("http", "a", "/"), 0.0)
    assert isinstance(answer, Invalid)
    assert "cannot be carried out" in answer.message


def test_values_lose_the_space_around_them() -> None:
    filters = Filters([Filter(FilterType.request_headers, HeaderModifier(set=[HeaderValue("a", " b c ")]))])
    assert list(filters.request_headers([])) == [(b"a", b"b c")]
