"""Routes as they are read; what is refused is in test_registry, what becomes of them is tested with the documents."""

from typing import Any

from linkerd_contract.matching import Condition, MatchKind, StringMatch
from linkerd_contract.outbound import Timeouts
from linkerd_rules.validation.references import Ref
from linkerd_rules.validation.route import (
    CONTROLLER,
    Parent,
    Rule,
    Shown,
    read_gateway_http_route,
    read_grpc_route,
    read_linkerd_http_route,
)

META = {"name": "r", "namespace": "ns"}


def test_a_parent_of_policy_is_a_server_by_default_and_one_of_the_gateway_is_not_ours() -> None:
    document: Any = {"metadata": META, "spec": {"parentRefs": [{"name": "s"}]}}
    ours = read_linkerd_http_route(document).value
    assert ours.parents == (Parent(ref=Ref(group="policy.linkerd.io", kind="Server", namespace="ns", name="s")),)
    assert read_gateway_http_route(document).value.parents == ()


def test_defaults_of_rules() -> None:
    everything = Condition(path=StringMatch("/", MatchKind.prefix))
    for read in (read_linkerd_http_route, read_gateway_http_route, read_grpc_route):
        reading = read({"metadata": META, "spec": {}})
        assert reading.problems == []
        assert reading.value.rules == (Rule(matches=(everything,)),)


def test_timeouts_and_weights() -> None:
    rule = {
        "timeouts": {"request": "1s"},
        "backendRefs": [{"name": "a", "port": 1}, {"name": "b", "port": 2, "weight": 0}],
    }
    [read] = read_linkerd_http_route({"metadata": META, "spec": {"rules": [rule]}}).value.rules
    assert read.timeouts == Timeouts(request_ms=1000)
    assert [(t.ref.name, t.port, t.weight) for t in read.targets] == [("a", 1, 1), ("b", 2, 0)]


def test_the_first_of_two_header_matches_counts() -> None:
    headers = [{"name": "A", "value": "1"}, {"name": "a", "value": "2"}]
    [read] = read_linkerd_http_route(
        {"metadata": META, "spec": {"rules": [{"matches": [{"headers": headers}]}]}}
    ).value.rules
    assert [h.match.value for h in read.matches[0].headers] == ["1"]


def test_what_the_status_shows_of_ours() -> None:
    ref = {"group": "", "kind": "Service", "name": "web", "port": 80}
    conditions = [{"type": "Accepted", "status": "True", "reason": "Accepted", "observedGeneration": 3}]
    status = {
        "parents": [
            {"parentRef": ref, "controllerName": CONTROLLER, "conditions": conditions},
            {"parentRef": ref, "controllerName": "other", "conditions": conditions},
            "nonsense",
        ]
    }
    shown = read_linkerd_http_route({"metadata": META, "spec": {}, "status": status}).value.shown
    parent = Parent(ref=Ref(group="", kind="Service", namespace="ns", name="web"), port=80)
    assert shown == (Shown(parent=parent, type="Accepted", status="True", reason="Accepted", generation=3),)
