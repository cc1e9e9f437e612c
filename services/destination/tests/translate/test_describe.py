"""Words for parts of documents."""

import pytest

from linkerd_contract.inbound import RateLimit, RateOverride
from linkerd_contract.matching import Condition, Filter, FilterType, MatchKind, NamedMatch, StatusRange, StringMatch
from linkerd_contract.outbound import FailureAccrual, OutboundDocument, Protocol, Retry, RetryBudget, Route, Timeouts
from linkerd_contract.resource import ResourceRef
from linkerd_destination.translate import describe


@pytest.mark.parametrize(
    ("conditions", "words"),
    [
        ([], "takes every request"),
        ([Condition()], "everything"),
        ([Condition(method="GET", path=StringMatch("/a", MatchKind.prefix))], "GET, path prefix /a"),
        ([Condition(method="GET"), Condition(method="HEAD")], "GET or HEAD"),
        ([Condition(headers=[NamedMatch("a", StringMatch("b"))])], "header a exact b"),
        ([Condition(query=[NamedMatch("a", StringMatch("b"))])], "parameter a exact b"),
        (
            [Condition(all=[Condition(method="A")], any=[Condition(method="B")], not_=Condition(method="C"))],
            "all of (A), any of (B), not (C)",
        ),
    ],
)
def test_matches(conditions: list[Condition], words: str) -> None:
    assert describe.matches(conditions) == words


@pytest.mark.parametrize(
    ("retry", "words"),
    [
        (
            Retry(on_failure=True, budget=RetryBudget()),
            "on failures: 20 % of requests and 10/s over 10000 ms",
        ),
        (
            Retry(statuses=[StatusRange(503, 503)], grpc_codes=[14], limit=3, per_try_timeout_ms=100),
            "on 503, gRPC 14: at most 3 times, 100 ms a try",
        ),
    ],
)
def test_retry(retry: Retry, words: str) -> None:
    assert describe.retry(retry) == words


def test_traffic() -> None:
    route = Route(filters=[Filter(type=FilterType.abort)], timeouts=Timeouts(request_ms=5))
    document = OutboundDocument(authority="a", failure_accrual=FailureAccrual())
    assert list(describe.traffic(document, route)) == [
        ("filters", "abort"),
        ("timeouts", "request 5 ms"),
        ("breaker", "an endpoint rests after 7 failures in a row"),
    ]
    assert list(describe.traffic(OutboundDocument(authority="a"), Route())) == []


def test_rate_limit() -> None:
    limit = RateLimit(total=9, identity=2, overrides=[RateOverride(requests_per_second=5, identities=["bot"])])
    assert describe.rate_limit(limit, "bot") == "9/s in total, 5/s for this client"
    assert describe.rate_limit(limit, None) == "9/s in total, 2/s for this client"


def test_names() -> None:
    assert describe.resource(ResourceRef(name="deny")) == "the default policy deny"
    assert describe.resource(ResourceRef(group="g", kind="Server", namespace="ns", name="s")) == "Server ns/s"
    assert describe.protocol(Protocol.opaque)
    assert describe.protocol(Protocol.grpc) == ""
