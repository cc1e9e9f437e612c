"""Endpoints: YAML in, addresses, identities, hints and labels out."""

import pytest
from services.destination.tests.world import World

from linkerd_destination.translate.endpoints import Caller
from linkerd_destination.translate.outbound import render_outbound

SERVICE = """
kind: Service
metadata: {name: web}
spec: {clusterIP: 10.43.0.1, ports: [{name: http, port: 80, targetPort: app}, {name: admin, port: 81}]}
"""
SLICE = """
kind: EndpointSlice
metadata: {name: web-1, labels: {kubernetes.io/service-name: web}}
addressType: IPv4
ports: [{name: http, port: 8080}, {name: admin, port: 8081}]
endpoints:
- {addresses: [10.42.0.1], targetRef: {kind: Pod, name: web-1, uid: u1}, zone: a, hints: {forZones: [{name: a}]}}
- {addresses: [10.42.0.2], conditions: {ready: true}, zone: b, hints: {forZones: [{name: b}]}}
- {addresses: [10.42.0.3], conditions: {ready: false}}
- {addresses: [10.42.0.4], conditions: {ready: false, serving: true, terminating: true}}
"""
POD = """
kind: Pod
metadata:
  name: web-1
  uid: u1
  labels: {linkerd.io/control-plane-ns: linkerd, pod-template-hash: abc}
  ownerReferences: [{kind: ReplicaSet, name: web-abc, controller: true}]
  annotations: {config.linkerd.io/skip-inbound-ports: "8081,9000-9001"}
spec:
  serviceAccountName: web
  initContainers: [{name: linkerd-proxy, ports: [{name: linkerd-admin, containerPort: 4391}]}]
  containers: [{name: app, ports: [{name: app, containerPort: 8080}]}]
status: {podIP: 10.42.0.1, phase: Running}
"""


def test_ports_are_found_by_the_services_port_name() -> None:
    world = World(SERVICE, SLICE, POD)
    assert world.endpoints("10.43.0.1:80") == ["10.42.0.1:8080", "10.42.0.2:8080"]
    assert world.endpoints("10.43.0.1:81") == ["10.42.0.1:8081", "10.42.0.2:8081"]


def test_a_meshed_pod() -> None:
    [meshed, bare] = World(SERVICE, SLICE, POD).full("10.43.0.1:80", zone="a" * 3)
    assert meshed == {
        "addr": "10.42.0.1:8080",
        "identity": "web.ns.serviceaccount.identity.linkerd.cluster.local",
        "protocolHint": "h2",
        "zone": "a",
        "zoneLocality": "remote",
        "labels": {
            "pod": "web-1",
            "serviceaccount": "web",
            "deployment": "web",
            "control_plane_ns": "linkerd",
            "pod_template_hash": "abc",
            "zone": "a",
            "zone_locality": "remote",
        },
    }
    assert bare == {"addr": "10.42.0.2:8080"}


@pytest.mark.parametrize("port", [8081, 9000, 9001, 4190, 4391])
def test_ports_that_bypass_the_proxy_are_dialled_plainly(port: int) -> None:
    [endpoint] = World(POD).full(f"10.42.0.1:{port}")
    assert "identity" not in endpoint
    assert "protocolHint" not in endpoint


def test_another_mesh_is_not_ours() -> None:
    [endpoint] = World(POD, control_plane_namespace="other").full("10.42.0.1:8080")
    assert "identity" not in endpoint
    assert endpoint["labels"]["control_plane_ns"] == "linkerd"


def test_the_trust_domain_is_in_the_name() -> None:
    [endpoint] = World(POD, trust_domain="example.org").full("10.42.0.1:8080")
    assert endpoint["identity"] == "web.ns.serviceaccount.identity.linkerd.example.org"


@pytest.mark.parametrize(
    ("pod", "namespace", "hint"),
    [
        ('"8080"', None, "opaque"),
        ("app", None, "opaque"),
        ('""', "8080", "h2"),
        (None, "8080", "opaque"),
        ("9-1", "8080", "opaque"),
        (None, None, "h2"),
    ],
)
def test_opaque_ports_are_the_pods_else_the_namespaces(pod: str | None, namespace: str | None, hint: str) -> None:
    text = POD
    if pod is not None:
        text = text.replace("annotations: {", f"annotations: {{config.linkerd.io/opaque-ports: {pod}, ")
    annotations = "{}" if namespace is None else f'{{config.linkerd.io/opaque-ports: "{namespace}"}}'
    world = World(text, f"kind: Namespace\nmetadata: {{name: ns, annotations: {annotations}}}")
    [endpoint] = world.full("10.42.0.1:8080")
    assert endpoint["protocolHint"] == hint


def test_until_pod_and_slice_agree_the_endpoint_is_left_out() -> None:
    assert World(SERVICE, SLICE).endpoints("10.43.0.1:80") == ["10.42.0.2:8080"]
    assert World(SERVICE, SLICE, POD.replace("u1", "u2")).endpoints("10.43.0.1:80") == ["10.42.0.2:8080"]


@pytest.mark.parametrize(
    ("zone", "expected"),
    [
        ("a", ["10.42.0.1:8080"]),
        ("b", ["10.42.0.2:8080"]),
        ("c", ["10.42.0.1:8080", "10.42.0.2:8080"]),
        ("", ["10.42.0.1:8080", "10.42.0.2:8080"]),
    ],
)
def test_topology_hints(zone: str, expected: list[str]) -> None:
    assert World(SERVICE, SLICE, POD).endpoints("10.43.0.1:80", zone) == expected
    without = SLICE.replace(", hints: {forZones: [{name: b}]}", "")
    assert len(World(SERVICE, without, POD).endpoints("10.43.0.1:80", zone)) == 2


def test_families_do_not_mix() -> None:
    six = """
    kind: EndpointSlice
    metadata: {name: web-6, labels: {kubernetes.io/service-name: web}}
    addressType: IPv6
    ports: [{name: http, port: 8080}]
    endpoints: [{addresses: ["fd00::1"]}]
    """
    dual = SERVICE.replace("clusterIP: 10.43.0.1", 'clusterIPs: [10.43.0.1, "fd00:43::1"]')
    world = World(dual, SLICE, six)
    assert world.endpoints("10.43.0.1:80") == ["10.42.0.2:8080"]
    assert world.endpoints("[fd00:43::1]:80") == ["[fd00::1]:8080"]
    assert world.endpoints("web.ns.svc.cluster.local:80") == ["10.42.0.2:8080"]
    only_six = World(SERVICE.replace("10.43.0.1", "None"), six)
    assert only_six.endpoints("web.ns.svc.cluster.local:80") == ["[fd00::1]:8080"]


def test_an_address_in_two_slices_counts_once() -> None:
    world = World(SERVICE, SLICE, SLICE.replace("web-1, labels", "web-2, labels"), POD)
    assert world.endpoints("10.43.0.1:80") == ["10.42.0.1:8080", "10.42.0.2:8080"]


NODES = """
kind: Node
metadata: {name: n1, labels: {topology.kubernetes.io/zone: z1}}
---
kind: Node
metadata: {name: n2}
"""
ON_NODES = """
kind: Service
metadata: {name: near}
spec: {clusterIP: 10.43.0.9, internalTrafficPolicy: Local, ports: [{name: http, port: 80}]}
---
kind: Pod
metadata: {name: p1}
spec: {nodeName: n1, containers: [{name: c, ports: [{containerPort: 8080, hostPort: 30080}]}]}
status: {podIP: 10.42.0.1, hostIP: 192.168.0.1}
---
kind: Pod
metadata: {name: p2}
spec: {nodeName: n2, containers: []}
status: {podIP: 10.42.0.2}
---
kind: EndpointSlice
metadata: {name: near-1, labels: {kubernetes.io/service-name: near}}
addressType: IPv4
ports: [{name: http, port: 8080}]
endpoints:
- {addresses: [10.42.0.1], nodeName: n1, targetRef: {kind: Pod, name: p1, namespace: ns}}
- {addresses: [10.42.0.2], targetRef: {kind: Pod, name: p2, namespace: ns}}
"""


@pytest.mark.parametrize(
    ("node", "expected"),
    [("n1", ["10.42.0.1:8080"]), ("n2", ["10.42.0.2:8080"]), ("n3", []), ("", ["10.42.0.1:8080", "10.42.0.2:8080"])],
)
def test_local_traffic_stays_on_the_node(node: str, expected: list[str]) -> None:
    view = World(NODES, ON_NODES).index.view()
    document = render_outbound(view, "10.43.0.9:80", Caller("ns", "", node))
    assert [e.addr for backend in document.backends.values() for e in backend.endpoints] == expected
    assert view.node_dependent


def test_a_zone_that_the_slice_does_not_say_is_the_nodes() -> None:
    first, second = World(NODES, ON_NODES).full("10.43.0.9:80", zone="z1")
    assert (first["zone"], first["zoneLocality"]) == ("z1", "local")
    assert "zone" not in second


def test_a_port_of_a_node_leads_to_the_pod() -> None:
    world = World(NODES, ON_NODES)
    [endpoint] = world.full("192.168.0.1:30080")
    assert endpoint["addr"] == "10.42.0.1:8080"
    assert endpoint["labels"]["pod"] == "p1"
    assert world.endpoints("192.168.0.1:30081") == ["192.168.0.1:30081"]


def test_a_pod_of_the_hosts_network_is_known_by_its_port() -> None:
    pod = """
kind: Pod
metadata: {name: agent}
spec: {hostNetwork: true, containers: [{name: c, ports: [{containerPort: 9100, hostPort: 9100}]}]}
status: {podIP: 192.168.0.1, hostIP: 192.168.0.1, hostIPs: [{ip: 192.168.0.1}, {ip: "fd00::1"}]}
"""
    world = World(NODES, pod)
    [endpoint] = world.full("192.168.0.1:9100")
    assert (endpoint["addr"], endpoint["labels"]["pod"]) == ("192.168.0.1:9100", "agent")
    assert "identity" not in endpoint
    [other] = world.full("192.168.0.1:9101")
    assert other == {"addr": "192.168.0.1:9101"}
