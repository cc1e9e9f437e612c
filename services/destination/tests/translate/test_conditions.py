"""Conditions of routes: YAML in, types, statuses and reasons out."""

import pytest
from services.destination.tests.world import World

from linkerd_destination.translate.conditions import conditions_of

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
