"""Filters as they are read; what is refused is in test_registry."""

from typing import Any

import pytest

from linkerd_contract.matching import Fault, Filter, FilterType, HeaderModifier, HeaderValue, Redirect
from linkerd_rules.validation.fields import Fields, Problem
from linkerd_rules.validation.filters import FilterRef, read_fault_injection, read_filters


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (
            {"type": "RequestHeaderModifier", "requestHeaderModifier": {"add": [{"name": "a", "value": "b"}]}},
            Filter(type=FilterType.request_headers, headers=HeaderModifier(add=[HeaderValue("a", "b")])),
        ),
        (
            {"type": "ResponseHeaderModifier", "responseHeaderModifier": {"remove": ["a"]}},
            Filter(type=FilterType.response_headers, headers=HeaderModifier(remove=["a"])),
        ),
        (
            {"type": "RequestRedirect", "requestRedirect": {"hostname": "a.b", "port": 1, "statusCode": 301}},
            Filter(type=FilterType.redirect, redirect=Redirect(host="a.b", port=1, status=301)),
        ),
        (
            {"type": "RequestRedirect", "requestRedirect": {"path": {"type": "ReplaceFullPath"}}},
            Filter(type=FilterType.redirect, redirect=Redirect(path="/")),
        ),
        (
            {
                "type": "ExtensionRef",
                "extensionRef": {"group": "policy.linkerd.io", "kind": "FaultInjection", "name": "f"},
            },
            FilterRef("f"),
        ),
    ],
)
def test_filters(written: dict[str, Any], expected: Filter | FilterRef) -> None:
    problems: list[Problem] = []
    assert read_filters(Fields({"filters": [written]}, "r", problems)) == (expected,)
    assert problems == []


def test_faults() -> None:
    spec = {"abort": {"grpcStatus": 14, "message": "m"}, "delay": {"duration": "1s", "percentage": 1}}
    reading = read_fault_injection({"metadata": {"name": "f"}, "spec": spec})
    assert reading.problems == []
    assert reading.value.filters == (
        Filter(type=FilterType.delay, fault=Fault(percent=1.0, delay_ms=1000)),
        Filter(type=FilterType.abort, fault=Fault(grpc_status=14, message="m")),
    )
