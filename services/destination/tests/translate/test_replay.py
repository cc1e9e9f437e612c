"""Edges under policies that are not applied yet: YAML in, decisions before and after out."""

import pytest
from services.destination.tests.translate.test_explain import ALLOW, CLUSTER, IN, SERVER
from services.destination.tests.world import World, load

from linkerd_contract.replay import Change, Edge, Undecided
from linkerd_contract.resource import ResourceRef
from linkerd_destination.translate.replay import Replayer

BOT = "bot.ns.serviceaccount.identity.linkerd.cluster.local"
EDGE = Edge(server="ns/pod/web", port=8080, client=BOT, tls=True, route=ResourceRef(name="default"))
STRANGER = Edge(server="ns/pod/web", port=8080, route=ResourceRef(name="default"))
PROBE = """
---
kind: Pod
metadata: {name: probed, labels: {app: web, linkerd.io/control-plane-ns: linkerd}}
spec:
  containers:
  - {name: linkerd-proxy}
  - {name: app, ports: [{containerPort: 8080}], readinessProbe: {httpGet: {path: /ready, port: 8080}}}
status: {podIP: 10.42.0.4}
"""
NETWORK = """
apiVersion: policy.linkerd.io/v1alpha1
kind: AuthorizationPolicy
metadata: {name: from-net}
spec:
  targetRef: {group: policy.linkerd.io, kind: Server, name: web-http}
  requiredAuthenticationRefs: [{group: policy.linkerd.io, kind: NetworkAuthentication, name: net}]
---
apiVersion: policy.linkerd.io/v1alpha1
kind: NetworkAuthentication
metadata: {name: net}
spec: {networks: [{cidr: CIDR}]}
"""
NAMESPACE = """
kind: Namespace
metadata: {name: ns, annotations: {config.linkerd.io/default-inbound-policy: all-authenticated}}
"""


def replay(edge: Edge, *candidates: str, there: tuple[str, ...] = ()) -> Change:
    index = World(CLUSTER + PROBE, *there).index
    objects = [obj for text in candidates for obj in load(text)]
    found = Replayer(index, index.overlaid(objects)).replay(edge)
    assert isinstance(found, Change), found
    return found


@pytest.mark.parametrize(
    ("edge", "candidates", "allowed"),
    [
        (EDGE, (), True),
        (EDGE, (SERVER,), False),
        (EDGE, (SERVER, ALLOW.replace("ACCOUNT", "bot")), True),
        (EDGE, (SERVER, ALLOW.replace("ACCOUNT", "web")), False),
        (STRANGER, (SERVER, ALLOW.replace("ACCOUNT", "bot")), False),
        (EDGE, (NAMESPACE,), True),
        (STRANGER, (NAMESPACE,), False),
        # Networks count by the addresses of the account's pods, 10.42.0.2 and 10.42.0.3.
        (EDGE, (SERVER, NETWORK.replace("CIDR", "10.42.0.2/31")), True),
        (EDGE, (SERVER, NETWORK.replace("CIDR", "10.42.0.2/32")), False),
        (STRANGER, (SERVER, NETWORK.replace("CIDR", "10.0.0.0/8")), True),
        (STRANGER, (SERVER, NETWORK.replace("CIDR", "192.0.2.0/24")), False),
    ],
)
def test_decisions(edge: Edge, candidates: tuple[str, ...], allowed: bool) -> None:
    change = replay(edge, *candidates)
    assert change.before.allowed
    assert change.before.by == ResourceRef(name="all-unauthenticated")
    assert change.after.allowed is allowed


def test_why_it_is_denied() -> None:
    after = replay(EDGE, SERVER, ALLOW.replace("ACCOUNT", "web")).after
    assert after.by == ResourceRef(group="policy.linkerd.io", kind="Server", namespace="ns", name="web-http")
    assert after.reason.startswith("AuthorizationPolicy ns/web-only did not allow it: the client is bot.ns.")
    assert replay(EDGE, SERVER).after.reason == "Server ns/web-http has no authorization at all"


def test_what_is_newly_allowed() -> None:
    change = replay(EDGE, ALLOW.replace("ACCOUNT", "bot"), there=(SERVER,))
    assert (change.before.allowed, change.after.allowed) == (False, True)
    assert change.after.by.name == "bot-only"


def test_an_object_of_the_same_name_is_replaced_and_keeps_its_age() -> None:
    old = SERVER.replace("metadata: {", 'metadata: {creationTimestamp: "2020-01-01T00:00:00Z", ')
    younger = SERVER.replace("web-http", "rival").replace(
        "metadata: {", 'metadata: {creationTimestamp: "2021-01-01T00:00:00Z", '
    )
    opened = SERVER.replace("spec: {", "spec: {accessPolicy: all-unauthenticated, ")
    change = replay(EDGE, opened, there=(old, younger))
    assert (change.before.allowed, change.after.allowed) == (False, True)
    # Another Server of the port that is new comes behind the one that is there.
    assert not replay(EDGE, opened.replace("web-http", "new"), there=(old,)).after.allowed


def test_the_index_itself_stays_as_it_is() -> None:
    index = World(CLUSTER).index
    index.drain()
    sizes = index.sizes()
    other = index.overlaid(load(SERVER))
    assert other.sizes() == sizes | {"servers": 1}
    assert index.sizes() == sizes
    assert index.drain() == set()
    assert index.view().servers("ns") == []
    assert other.tables.pods is index.tables.pods


ROUTED = (
    SERVER,
    IN,
    ALLOW.replace("ACCOUNT", "bot").replace("kind: Server, name: web-http", "kind: HTTPRoute, name: api"),
)
OTHER = IN.replace("name: api", "name: other").replace("/api", "/other")
API = ResourceRef(group="policy.linkerd.io", kind="HTTPRoute", name="api")


def test_requests_of_a_route_that_is_still_there_are_decided_by_it() -> None:
    edge = Edge(server="ns/pod/web", port=8080, client=BOT, tls=True, route=API)
    assert replay(edge, OTHER, there=ROUTED).after.allowed
    change = replay(edge, OTHER, ALLOW.replace("ACCOUNT", "bot"), there=ROUTED)
    assert change.before.allowed
    assert change.after.allowed


def test_requests_whose_route_is_gone_are_tried_on_every_route() -> None:
    assert replay(EDGE, *ROUTED).after.allowed
    after = replay(EDGE, *ROUTED, OTHER).after
    assert not after.allowed
    assert after.reason.startswith("HTTPRoute ns/other: ")


def test_a_probe_is_lost_where_routes_are_bound() -> None:
    kubelet = Edge(server="ns/pod/probed", port=8080, route=ResourceRef(name="probe"))
    assert replay(kubelet, SERVER).after.allowed, "a Server alone leaves probes open"
    assert not replay(kubelet, *ROUTED).after.allowed


def test_connections_are_decided_without_routes() -> None:
    tcp = Edge(server="ns/pod/web", port=8080, client=BOT, tls=True, http=False)
    assert replay(tcp, SERVER, IN, ALLOW.replace("ACCOUNT", "bot")).after.allowed
    opaque = SERVER.replace("spec: {", "spec: {proxyProtocol: opaque, ")
    assert not replay(EDGE, opaque, IN).after.allowed


@pytest.mark.parametrize(
    ("server", "port", "reason"),
    [
        ("ns/deployment/gone", 80, "no pod of deployment gone in namespace ns"),
        ("ns/pod/plain", 8080, "no proxy stands before port 8080 of ns/pod/plain"),
        ("ns/pod/web", 4191, "no proxy stands before port 4191 of ns/pod/web"),
        ("nonsense", 1, "no pod of  in namespace nonsense"),
    ],
)
def test_what_nothing_can_be_said_of(server: str, port: int, reason: str) -> None:
    index = World(CLUSTER).index
    edge = Edge(server=server, port=port)
    assert Replayer(index, index.overlaid([])).replay(edge) == Undecided(edge=edge, reason=reason)
