"""Bodies of statuses: what is written, and when nothing is."""

from linkerd_destination.status.bodies import as_shown, status_of
from linkerd_destination.translate.conditions import Condition
from linkerd_rules.validation.meta import Meta
from linkerd_rules.validation.rate_limit import RateLimitPolicy, server_parent
from linkerd_rules.validation.references import Ref
from linkerd_rules.validation.route import CONTROLLER, LinkerdHttpRoute, Parent, Shown

META = Meta(namespace="ns", name="r", generation=2)
WEB = Parent(ref=Ref(group="", kind="Service", namespace="ns", name="web"), port=80)
ROUTE = LinkerdHttpRoute(meta=META, group="policy.linkerd.io", kind="HTTPRoute", parents=(WEB,))
LIMIT = RateLimitPolicy(meta=META, server="s", total=1)
THEN, NOW = "2026-01-01T00:00:00Z", "2026-02-02T00:00:00Z"


def accepted(parent: Parent, *, holds: bool = True, message: str = "") -> Condition:
    return Condition(parent=parent, type="Accepted", holds=holds, reason="Accepted", message=message)


def test_shown_is_what_the_status_says_of_this_generation() -> None:
    shown = Shown(parent=server_parent("ns", "s"), type="Accepted", status="True", reason="Accepted", generation=2)
    wanted = [accepted(server_parent("ns", "s"))]
    made = RateLimitPolicy(meta=META, server="s", shown=(shown,))
    assert as_shown(made, wanted)
    assert not as_shown(LIMIT, wanted)
    assert not as_shown(made, [accepted(server_parent("ns", "other"))])
    older = RateLimitPolicy(meta=Meta(namespace="ns", name="r", generation=3), server="s", shown=(shown,))
    assert not as_shown(older, wanted)


def test_the_time_of_a_condition_is_that_of_its_last_change() -> None:
    first = status_of(LIMIT, [accepted(server_parent("ns", "s"))], {}, THEN)
    assert first["conditions"][0]["lastTransitionTime"] == THEN
    second = status_of(LIMIT, [accepted(server_parent("ns", "s"), message="why")], first, NOW)
    assert (second["conditions"][0]["lastTransitionTime"], second["conditions"][0]["message"]) == (THEN, "why")
    third = status_of(LIMIT, [accepted(server_parent("ns", "s"), holds=False)], second, NOW)
    assert third["conditions"][0]["lastTransitionTime"] == NOW


def test_entries_of_others_are_kept_and_ours_replaced() -> None:
    theirs = {"controllerName": "example.com/controller", "parentRef": {"name": "gateway"}, "conditions": []}
    stale = {"controllerName": CONTROLLER, "parentRef": {"name": "gone"}, "conditions": []}
    status = status_of(ROUTE, [accepted(WEB)], {"parents": [theirs, stale]}, NOW)
    first, ours = status["parents"]
    assert first == theirs
    assert ours["parentRef"] == {"group": "", "kind": "Service", "namespace": "ns", "name": "web", "port": 80}
    assert (ours["controllerName"], ours["conditions"][0]["observedGeneration"]) == (CONTROLLER, 2)


def test_a_message_is_not_longer_than_kubernetes_takes() -> None:
    status = status_of(LIMIT, [accepted(server_parent("ns", "s"), message="x" * 50_000)], {}, NOW)
    assert len(status["conditions"][0]["message"]) == 32768
