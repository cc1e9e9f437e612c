"""Conditions of routes: YAML in, types, statuses and reasons out."""

import pytest
from services.destination.tests.world import World

from linkerd_destination.translate.conditions import conditions_of, limit_conditions

CLUSTER = """
kind: Service
metadata: {name: web}
spec: {clusterIP: 10.43.0.1, ports: [{name: http, port: 80}]}
---
kind: Service
metadata: {name: far, namespace: other}
spec: {clusterIP: 10.43.0.2, ports: [{name: http, port: 80}]}
---
apiVersion: policy.linkerd.io/v1beta3
kind: Server
metadata: {name: srv}
spec: {podSelector: {}, port: 80}
"""
GRPC = """
apiVersion: gateway.networking.k8s.io/v1
kind: GRPCRoute
metadata: {name: g}
spec: {parentRefs: [{group: "", kind: Service, name: web}]}
"""


def route(parents: str, rule: str = "") -> str:
    return f"""
apiVersion: policy.linkerd.io/v1beta3
kind: HTTPRoute
metadata: {{name: r}}
spec: {{parentRefs: [{parents}], rules: [{{{rule}}}]}}
"""


def conditions(*texts: str) -> list[tuple[str, str, str]]:
    view = World(CLUSTER, *texts).index.view()
    found = view.route("policy.linkerd.io", "HTTPRoute", "ns", "r")
    assert found is not None
    return [(c.type, c.status, c.reason) for c in conditions_of(view, found)]


WEB = "{group: core, kind: Service, name: web, port: 80}"
GOOD = [("Accepted", "True", "Accepted"), ("ResolvedRefs", "True", "ResolvedRefs")]


@pytest.mark.parametrize(
    ("parent", "accepted"),
    [
        (WEB, "Accepted"),
        ("{name: srv}", "Accepted"),
        ("{name: none}", "NoMatchingParent"),
        ("{group: core, kind: Service, name: none}", "NoMatchingParent"),
        ("{group: core, kind: Service, name: web, port: 81}", "NoMatchingParent"),
        ("{group: core, kind: Service, name: web, sectionName: admin}", "NoMatchingParent"),
        ("{group: core, kind: Service, name: web, sectionName: http}", "Accepted"),
    ],
)
def test_accepted(parent: str, accepted: str) -> None:
    [first, _] = conditions(route(parent))
    assert first == ("Accepted", str(accepted == "Accepted"), accepted)


def test_grpc_routes_conflict() -> None:
    assert conditions(route(WEB), GRPC)[0] == ("Accepted", "False", "RouteReasonConflicted")


def test_each_parent_has_its_own() -> None:
    assert conditions(route(f"{WEB}, {{name: srv}}")) == GOOD * 2


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        ("backendRefs: [{name: web, port: 80}]", "ResolvedRefs"),
        ("backendRefs: [{name: none, port: 80}]", "BackendNotFound"),
        ("backendRefs: [{name: far, namespace: other, port: 80}]", "RefNotPermitted"),
        ("backendRefs: [{group: a.io, kind: B, name: c}]", "InvalidKind"),
        (
            "filters: [{type: ExtensionRef, extensionRef: {group: policy.linkerd.io, kind: FaultInjection, name: f}}]",
            "FilterNotFound",
        ),
    ],
)
def test_references(rule: str, reason: str) -> None:
    [_, second] = conditions(route(WEB, rule))
    assert second == ("ResolvedRefs", str(reason == "ResolvedRefs"), reason)


def test_a_route_that_cannot_be_used_is_not_accepted_and_binds_nothing() -> None:
    bad = route(f"{WEB}, {{name: srv}}", 'matches: [{path: {type: RegularExpression, value: "("}}]')
    world = World(CLUSTER, bad)
    view = world.index.view()
    found = view.route("policy.linkerd.io", "HTTPRoute", "ns", "r")
    assert found is not None
    first, second = conditions_of(view, found)
    assert (first.type, first.status, first.reason) == ("Accepted", "False", "UnsupportedValue")
    assert first.message.startswith("spec.rules[0].matches[0].path.value: ")
    assert (first.parent.ref.name, second.parent.ref.name) == ("web", "srv")
    assert view.http_routes("Service", "ns", "web") == []
    assert [r["name"] for r in world.outbound("10.43.0.1:80")["routes"]] == ["default"]


def limit(name: str, created: int, server: str = "srv", spec: str = "total: {requestsPerSecond: 5}") -> str:
    return f"""
apiVersion: policy.linkerd.io/v1alpha1
kind: HTTPLocalRateLimitPolicy
metadata: {{name: {name}, creationTimestamp: "202{created}-01-01T00:00:00Z"}}
spec: {{targetRef: {{group: policy.linkerd.io, kind: Server, name: {server}}}, {spec}}}
"""


def limited(name: str, *texts: str) -> tuple[str, str, str]:
    view = World(CLUSTER, *texts).index.view()
    policy = view.rate_limit_policy("ns", name)
    assert policy is not None
    [one] = limit_conditions(view, policy)
    assert one.type == "Accepted"
    return one.status, one.reason, one.message


def test_the_oldest_rate_limit_of_a_server_is_accepted() -> None:
    both = limit("young", 2), limit("old", 1)
    assert limited("old", *both) == ("True", "Accepted", "")
    status, reason, message = limited("young", *both)
    assert (status, reason) == ("False", "RateLimitReasonAlreadyExists")
    assert message == "old is older, and limits Server srv already"
    assert limited("young", limit("young", 2, "none")) == (
        "False",
        "NoMatchingTarget",
        "there is no Server none in namespace ns",
    )


def test_a_rate_limit_that_cannot_be_used_leaves_the_next_one_in_force() -> None:
    bad = limit("old", 1, spec="total: {requestsPerSecond: 5}, identity: {requestsPerSecond: 6}")
    status, reason, message = limited("old", bad, limit("young", 2))
    assert (status, reason) == ("False", "UnsupportedValue")
    assert message == "spec.identity.requestsPerSecond: must not be greater than total (5)"
    assert limited("young", bad, limit("young", 2)) == ("True", "Accepted", "")
