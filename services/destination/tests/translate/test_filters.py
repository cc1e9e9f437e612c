"""Filters with their references resolved."""

from services.destination.tests.world import World

from linkerd_contract.matching import Filter, FilterType, HeaderModifier
from linkerd_destination.translate.filters import resolve_filters
from linkerd_rules.validation.filters import FilterRef

FAULT = """
apiVersion: policy.linkerd.io/v1alpha1
kind: FaultInjection
metadata: {name: f}
spec: {delay: {duration: 1s}, abort: {httpStatus: 500}}
"""


def test_order_and_references() -> None:
    headers = Filter(type=FilterType.request_headers, headers=HeaderModifier(remove=["a"]))
    view = World(FAULT).index.view()
    found = resolve_filters(view, "ns", [FilterRef("f"), headers, FilterRef("none")])
    expected = [FilterType.delay, FilterType.abort, FilterType.request_headers, FilterType.unknown]
    assert [one.type for one in found] == expected
    assert {("fault", "ns", "f"), ("fault", "ns", "none")} <= view.facts
    assert resolve_filters(view, "other", [FilterRef("f")])[0].type is FilterType.unknown
