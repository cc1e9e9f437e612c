"""Edges from proxies' metrics."""

import pytest
from cli.tests.cluster import Cluster
from cli.tests.terminal import Terminal

from linkerd_cli.policy.edges import edges_of, server_of
from linkerd_cli.tree import JsonObject
from linkerd_contract.exposition import Unreadable
from linkerd_contract.replay import Edge
from linkerd_contract.resource import ResourceRef

ID = "bot.x.serviceaccount.identity.linkerd.cluster.local"
COMMON = 'direction="inbound",target_addr="10.0.0.1:80",target_ip="10.0.0.1",target_port="80"'
MESHED = f'{COMMON},tls="true",client_id="{ID}",srv_kind="default",srv_name="all-unauthenticated"'
PAGE = f"""# TYPE inbound_http_authz_allow_total counter
inbound_http_authz_allow_total{{{MESHED},route_kind="default",route_name="default",authz_name="a"}} 3
inbound_http_authz_deny_total{{{MESHED},route_kind="default",route_name="default"}} 1
inbound_http_authz_allow_total{{{COMMON},tls="no_identity",route_group="g",route_kind="HTTPRoute",route_name="r"}} 2
inbound_tcp_authz_allow_total{{{MESHED}}} 2
inbound_tcp_authz_deny_total{{{COMMON},tls="no_identity"}} 0
request_total{{{MESHED}}} 3
"""


def test_edges_are_clients_of_ports_by_route() -> None:
    assert edges_of("x/deployment/web", PAGE) == {
        Edge(server="x/deployment/web", port=80, client=ID, tls=True, route=ResourceRef(name="default")),
        Edge(server="x/deployment/web", port=80, route=ResourceRef(group="g", kind="HTTPRoute", name="r")),
        Edge(server="x/deployment/web", port=80, client=ID, tls=True, http=False),
    }
    assert edges_of("x/pod/p", "") == set()
    with pytest.raises(Unreadable):
        edges_of("x/pod/p", "inbound_tcp_authz_allow_total{{ 1")


@pytest.mark.parametrize(
    ("labels", "server"),
    [
        ({"linkerd.io/proxy-deployment": "web", "linkerd.io/proxy-replicaset": "web-1"}, "x/deployment/web"),
        ({"linkerd.io/proxy-job": "once"}, "x/job/once"),
        ({}, "x/pod/p"),
    ],
)
def test_the_server_is_a_workload(labels: dict[str, object], server: str) -> None:
    pod: JsonObject = {"metadata": {"name": "p", "namespace": "x", "labels": labels}}
    assert server_of(pod) == server


async def test_a_proxy_that_cannot_be_asked_is_named(terminal: Terminal, kube: Cluster) -> None:
    kube.add_pod("x", "web-9", {}, spec={"containers": [{"name": "linkerd-proxy"}]})
    said = await terminal.linkerd("policy", "test", "--save", "edges.json")
    assert said.code == 1
    assert said.err.splitlines() == [
        "Warning: edges are missing: x/web-9: x/web-9:4191: connection refused",
        "Error: there are no edges to replay: no proxy has seen a request yet",
    ]
