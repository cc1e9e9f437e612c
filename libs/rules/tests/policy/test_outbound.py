"""Compiled outbound documents: which route a request takes."""

from linkerd_contract.matching import (
    Condition,
    Filter,
    FilterType,
    HeaderModifier,
    MatchKind,
    ResponseClass,
    ResponseCondition,
    StringMatch,
)
from linkerd_contract.outbound import Backend, Endpoint, OutboundDocument, Retry, Route, RouteOrder, WeightedBackend
from linkerd_rules.policy import OutboundPolicy

PREFIX = MatchKind.prefix


def path(value: str, kind: MatchKind = MatchKind.exact) -> Condition:
    return Condition(path=StringMatch(value, kind))


def policy(*routes: Route, order: RouteOrder = RouteOrder.specific) -> OutboundPolicy:
    return OutboundPolicy(OutboundDocument("web:80", routes=list(routes), route_order=order))


def name(compiled: OutboundPolicy, target: bytes, authority: bytes = b"web:80", method: bytes = b"GET") -> str | None:
    route = compiled.route(method, authority, target, [])
    return None if route is None else route.route.name


def test_a_single_default_route_is_an_attribute() -> None:
    compiled = policy(Route("default", backends=[WeightedBackend("a")]))
    assert compiled.only is compiled.routes[0]
    assert compiled.route(b"GET", b"web", b"/", []) is compiled.only
    assert compiled.only.only_backend == "a"
    assert compiled.only.retry is None
    assert compiled.only.filters.empty
    assert compiled.only.timeouts.none


def test_a_match_all_route_behind_others_is_not_the_only_one() -> None:
    compiled = policy(Route("default"), Route("api", matches=[path("/api", PREFIX)]))
    assert compiled.only is None
    assert name(compiled, b"/api/x") == "api"
    assert name(compiled, b"/other") == "default"


def test_no_routes_match_nothing() -> None:
    compiled = policy()
    assert compiled.only is None
    assert name(compiled, b"/") is None


def test_the_most_specific_wins() -> None:
    compiled = policy(
        Route("short", matches=[path("/a", PREFIX)]),
        Route("long", matches=[path("/a/b", PREFIX)]),
        Route("exact", matches=[path("/a/b/c")]),
        Route("method", matches=[Condition(path=StringMatch("/a", PREFIX), method="PUT")]),
        Route("host", hosts=[StringMatch("special")], matches=[path("/a", PREFIX)]),
    )
    assert name(compiled, b"/a") == "short"
    assert name(compiled, b"/a/b?x=1") == "long"
    assert name(compiled, b"/a/b/c") == "exact"
    assert name(compiled, b"/a", method=b"PUT") == "method"
    assert name(compiled, b"/a/b/c", authority=b"Special:8080") == "host"
    assert name(compiled, b"/nothing") is None


def test_of_equals_the_first_wins() -> None:
    compiled = policy(Route("one", matches=[path("/a")]), Route("two", matches=[path("/a")]))
    assert name(compiled, b"/a") == "one"


def test_in_a_service_profile_the_first_match_wins() -> None:
    routes = [Route("wide", matches=[path("/a", PREFIX)]), Route("narrow", matches=[path("/a/b")]), Route("[DEFAULT]")]
    compiled = policy(*routes, order=RouteOrder.first)
    assert name(compiled, b"/a/b") == "wide"
    assert name(compiled, b"/x") == "[DEFAULT]"
    first = policy(Route("all"), *routes, order=RouteOrder.first)
    assert first.only is not None
    assert first.only.route.name == "all"


def test_any_of_a_routes_matches_and_hosts_will_do() -> None:
    hosts = [StringMatch("a.example"), StringMatch("*.b.example")]
    compiled = policy(Route("r", hosts=hosts, matches=[path("/x"), path("/y")]))
    assert name(compiled, b"/x", b"a.example") == "r"
    assert name(compiled, b"/y", b"c.b.example:80") == "r"
    assert name(compiled, b"/z", b"a.example") is None
    assert name(compiled, b"/x", b"c.example") is None


def test_an_expression_that_does_not_compile_matches_nothing_and_is_reported() -> None:
    compiled = policy(Route("bad", matches=[path("(", MatchKind.regex)]), Route("default"))
    assert name(compiled, b"/") == "default"
    assert len(compiled.problems) == 1
    assert compiled.problems[0].startswith("route bad: ")


def test_what_a_route_carries() -> None:
    route = Route(
        "r",
        backends=[
            WeightedBackend("a", 1, [Filter(FilterType.request_headers, HeaderModifier(remove=["x"]))]),
            WeightedBackend("b", 3),
        ],
        retry=Retry(on_failure=True),
        response_classes=[ResponseClass(ResponseCondition(), is_failure=True)],
    )
    compiled = policy(route).routes[0]
    assert compiled.only_backend is None
    assert compiled.pick_backend(0.1, lambda _: True) == "a"
    assert compiled.pick_backend(0.3, lambda _: True) == "b"
    assert list(compiled.backend_filters) == ["a"]
    assert compiled.retry is not None
    assert not compiled.classify(200, None, False)


def test_other_backends_keep_the_routes() -> None:
    before = policy(Route("default", backends=[WeightedBackend("a")]))
    after = before.with_backends({"a": Backend(endpoints=[Endpoint("10.0.0.1:80")])})
    assert after.only is before.only
    assert after is not before
    assert list(after.doc.backends) == ["a"]
    assert before.doc.backends == {}
