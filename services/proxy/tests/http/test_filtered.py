"""Answers of filters, as HTTP and as gRPC."""

import pytest
from services.proxy.tests.http.recording import GET, exchange

from linkerd_contract.codec import decode
from linkerd_contract.explain import DecisionStep, DecisionTrace, ProxyErrorLine
from linkerd_contract.matching import Condition, Fault, Filter, FilterType, MatchKind, Redirect, StringMatch
from linkerd_proxy.http import filtered
from linkerd_proxy.http.exchange import HTTP_2, Way
from linkerd_proxy.telemetry.decisions import Decisions
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
    answer = filtered.find(Filters([one]), x, [], 0.0)
    assert answer is not None
    fields = dict(filtered.response(answer, "", grpc=grpc, emit=False))
    assert fields[b":status"] == status
    assert fields.get(b"grpc-status") == grpc_status


def test_no_filters_and_shares() -> None:
    x = exchange(GET, version=HTTP_2)
    assert filtered.find(Filters([]), x, [], 0.0) is None
    half = Filters([Filter(FilterType.abort, fault=Fault(percent=50, http_status=500))])
    assert filtered.find(half, x, [], 0.4) is not None
    assert filtered.find(half, x, [], 0.6) is None


def test_a_redirect_replaces_the_longest_prefix_that_matched() -> None:
    x = exchange([(b":method", b"GET"), (b":path", b"/a/b/c"), (b":authority", b"h")], version=HTTP_2)
    matches = [Condition(path=StringMatch(path, MatchKind.prefix)) for path in ("/a", "/a/b", "/x")]
    moved = Filters([Filter(FilterType.redirect, redirect=Redirect(prefix="/z"))])
    answer = filtered.find(moved, x, matches, 0.0)
    assert answer is not None
    assert dict(filtered.response(answer, "", grpc=False, emit=True))[b"location"] == b"http://h/z/c"


def test_a_redirect_is_no_failure() -> None:
    decisions = Decisions()
    x = exchange(GET, version=HTTP_2)
    x.down.emit_errors = True
    answer = filtered.find(Filters([MOVED]), x, [], 0.0)
    assert answer is not None
    fields = dict(filtered.tell(decisions, "outbound", x, answer, Way()))
    assert (fields[b":status"], fields[b"location"]) == (b"308", b"http://b/")
    assert b"l5d-proxy-error" not in fields
    assert decisions.all() == b"[]"


@pytest.mark.parametrize(
    ("one", "code", "reason"),
    [
        (ABORT, "injected failure", "injected"),
        (MOVED, "redirected", "308 to http://b/"),
        (Filter(FilterType.unknown), "invalid policy", "unknown"),
    ],
)
def test_answers_leave_a_trace_and_tell_its_id(one: Filter, code: str, reason: str) -> None:
    decisions = Decisions()
    x = exchange([*GET, GRPC_FIELD], version=HTTP_2)
    x.down.emit_errors = True
    answer = filtered.find(Filters([one]), x, [], 0.0)
    assert answer is not None
    way = Way("peer:80", [DecisionStep("route", "api")])
    fields = dict(filtered.tell(decisions, "outbound", x, answer, way))
    line = ProxyErrorLine.parse(fields[b"l5d-proxy-error"].decode())
    assert (line.code, line.phase, line.peer) == (code, "filter", "peer:80")
    assert reason in line.message
    (kept,) = decode(decisions.all(), list[DecisionTrace])
    assert (kept.id, kept.code, [step.stage for step in kept.steps]) == (line.id, code, ["route", "filter"])
