"""Answers of filters, as HTTP and as gRPC."""

import pytest
from services.proxy.tests.http.recording import GET, exchange

from linkerd_contract.matching import Condition, Fault, Filter, FilterType, MatchKind, Redirect, StringMatch
from linkerd_proxy.http import filtered
from linkerd_proxy.http.exchange import HTTP_2
from linkerd_rules.policy.filters import Filters

GRPC_FIELD = (b"content-type", b"application/grpc")
ABORT = Filter(FilterType.abort, fault=Fault(http_status=503, message="injected"))
CODE = Filter(FilterType.abort, fault=Fault(grpc_status=14))
MOVED = Filter(FilterType.redirect, redirect=Redirect(host="b", status=308))


@pytest.mark.parametrize(
    ("one", "grpc", "status", "grpc_status"),
    [
        (ABORT, False, b"503", None),
        (ABORT, True, b"200", b"9"),
        (CODE, True, b"200", b"14"),
        (CODE, False, b"500", None),
        (MOVED, False, b"308", None),
        (MOVED, True, b"200", b"5"),
        (Filter(FilterType.unknown), False, b"500", None),
        (Filter(FilterType.unknown), True, b"200", b"13"),
    ],
)
def test_statuses(one: Filter, grpc: bool, status: bytes, grpc_status: bytes | None) -> None:
    x = exchange([*GET, GRPC_FIELD] if grpc else GET, version=HTTP_2)
    head = filtered.answer(Filters([one]), x, [], 0.0)
    assert head is not None
    fields = dict(head)
    assert fields[b":status"] == status
    assert fields.get(b"grpc-status") == grpc_status


def test_no_filters_and_shares() -> None:
    x = exchange(GET, version=HTTP_2)
    assert filtered.answer(Filters([]), x, [], 0.0) is None
    half = Filters([Filter(FilterType.abort, fault=Fault(percent=50, http_status=500))])
    assert filtered.answer(half, x, [], 0.4) is not None
    assert filtered.answer(half, x, [], 0.6) is None


def test_a_redirect_replaces_the_longest_prefix_that_matched() -> None:
    x = exchange([(b":method", b"GET"), (b":path", b"/a/b/c"), (b":authority", b"h")], version=HTTP_2)
    matches = [Condition(path=StringMatch(path, MatchKind.prefix)) for path in ("/a", "/a/b", "/x")]
    moved = Filters([Filter(FilterType.redirect, redirect=Redirect(prefix="/z"))])
    head = filtered.answer(moved, x, matches, 0.0)
    assert head is not None
    assert dict(head)[b"location"] == b"http://h/z/c"
