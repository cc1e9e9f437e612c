"""Which facts objects of each kind are part of."""

import pytest
from services.destination.tests.world import load

from linkerd_destination.index.config import ClusterConfig
from linkerd_destination.index.graph import Fact
from linkerd_destination.index.objects import Service
from linkerd_destination.index.state import Index
from linkerd_destination.index.tables import Tables

SERVER = """
apiVersion: policy.linkerd.io/v1beta3
kind: Server
metadata: {name: s}
spec: {podSelector: {}, port: 80}
"""
ROUTE = """
apiVersion: policy.linkerd.io/v1beta3
kind: HTTPRoute
metadata: {name: r}
spec: {parentRefs: [{name: s}, {group: core, kind: Service, name: web, namespace: other}]}
"""
POLICY = """
apiVersion: policy.linkerd.io/v1alpha1
kind: AuthorizationPolicy
metadata: {name: p}
spec: {targetRef: {group: policy.linkerd.io, kind: Server, name: s}, requiredAuthenticationRefs: []}
"""
POD = """
kind: Pod
metadata: {name: p}
spec: {containers: [{name: a, ports: [{containerPort: 80, hostPort: 8080}]}]}
status: {podIP: 10.0.0.1, hostIP: 192.168.0.1}
"""


@pytest.mark.parametrize(
    ("text", "facts"),
    [
        ("kind: Node\nmetadata: {name: n}", {("node", "n")}),
        (POD, {("pod", "ns", "p"), ("pod-ip", "10.0.0.1"), ("host-port", "192.168.0.1", "8080")}),
        (SERVER, {("servers", "ns")}),
        (SERVER.replace("port: 80", "port: 80, proxyProtocol: opaque"), {("servers", "ns"), ("opaque-servers", "ns")}),
        (
            ROUTE,
            {
                ("route", "policy.linkerd.io", "HTTPRoute", "ns", "r"),
                ("routes", "Server", "ns", "s"),
                ("routes", "Service", "other", "web"),
            },
        ),
        (POLICY, {("authorization-policies", "policy.linkerd.io", "Server", "ns", "s")}),
    ],
)
def test_facts(text: str, facts: set[Fact]) -> None:
    index = Index(ClusterConfig())
    for obj in load(text):
        index.put(obj)
        assert index.drain() == facts
        index.put(obj)
        assert index.drain() == set()
        index.drop(obj)
        assert index.drain() == facts


def test_a_changed_target_is_a_change_of_both() -> None:
    index = Index(ClusterConfig())
    [before], [after] = load(POLICY), load(POLICY.replace("name: s}", "name: t}"))
    index.put(before)
    index.drain()
    index.put(after)
    assert {fact[-1] for fact in index.drain()} == {"s", "t"}


def test_every_kind_has_a_size() -> None:
    sizes = Index(ClusterConfig()).sizes()
    assert set(sizes.values()) == {0}
    assert len(sizes) == 18


def test_copied_tables_are_apart_and_the_others_shared() -> None:
    tables = Tables()
    tables.services.put(Service(namespace="ns", name="a", ips=("10.0.0.1",)))
    other = tables.copied({Service})
    other.of[Service].put(Service(namespace="ns", name="b", ips=("10.0.0.1",)))
    other.of[Service].drop(("ns", "a"))
    fact = ("service-ip", "10.0.0.1")
    assert [s.name for s in tables.services.at(fact)] == ["a"]
    assert [s.name for s in other.services.at(fact)] == ["b"]
    assert other.services is other.of[Service]
    assert other.pods is tables.pods
