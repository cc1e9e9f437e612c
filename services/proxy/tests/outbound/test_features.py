"""Which routes have features. What they do: test_managed.py."""

import pytest

from linkerd_contract.matching import Filter, FilterType
from linkerd_contract.outbound import OutboundDocument, Retry, Route, Timeouts, WeightedBackend
from linkerd_proxy.outbound.books import is_plain
from linkerd_rules.policy import CompiledRoute

ABORT = Filter(FilterType.abort)


@pytest.mark.parametrize(
    ("route", "plain"),
    [
        (Route(), True),
        (Route(backends=[WeightedBackend("a"), WeightedBackend("b")]), True),
        (Route(filters=[ABORT]), False),
        (Route(backends=[WeightedBackend("a", filters=[ABORT])]), False),
        (Route(retry=Retry()), False),
        (Route(timeouts=Timeouts(idle_ms=1)), False),
        (Route(allow_request_overrides=True), False),
    ],
)
def test_plain_routes(route: Route, plain: bool) -> None:
    assert is_plain(CompiledRoute(route), OutboundDocument("a:80")) is plain
    assert not is_plain(CompiledRoute(route), OutboundDocument("a:80", profile="a"))
