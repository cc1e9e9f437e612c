"""Outbound documents: YAML in, documents out."""

import pytest
from services.destination.tests.world import World

from linkerd_contract.codec import decode, encode
from linkerd_contract.outbound import OutboundDocument

SERVICE = """
kind: Service
metadata: {name: web}
spec:
  clusterIP: 10.43.0.1
  ports: [{name: http, port: 80}, {name: mysql, port: 3306}, {name: udp, port: 53, protocol: UDP}]
"""
SLICE = """
kind: EndpointSlice
metadata: {name: web-1, labels: {kubernetes.io/service-name: web}}
addressType: IPv4
ports: [{name: http, port: 8080}, {name: "", port: 7000}]
endpoints:
- {addresses: [10.42.0.1], hostname: web-0}
- {addresses: [10.42.0.2], hostname: web-1}
"""
HEADLESS = SERVICE.replace("10.43.0.1", "None")


def test_a_service_by_its_address() -> None:
    document = World(SERVICE, SLICE).outbound("10.43.0.1:80")
    parent = {"group": "core", "kind": "Service", "namespace": "ns", "name": "web", "port": 80}
    assert document == {
        "authority": "web.ns.svc.cluster.local:80",
        "parent": parent,
        "routes": [{"name": "default", "resource": {"name": "http"}, "backends": [{"ref": "ns/web:80"}]}],
        "backends": {
            "ns/web:80": {
                "resource": parent,
                "labels": {"service": "web", "namespace": "ns"},
                "endpoints": [{"addr": "10.42.0.1:8080"}, {"addr": "10.42.0.2:8080"}],
            }
        },
    }
    read = decode(encode(document), OutboundDocument)
    assert (read.retry_budget.ratio, read.retry_budget.min_per_second, read.retry_budget.ttl_ms) == (0.2, 10, 10000)


def test_by_name_is_the_same() -> None:
    world = World(SERVICE, SLICE)
    assert world.outbound("web.ns.svc.cluster.local:80") == world.outbound("10.43.0.1:80")
    other = World(SERVICE, SLICE, cluster_domain="example.org").outbound("web.ns.svc.example.org.:80")
    assert other["authority"] == "web.ns.svc.example.org:80"


def test_a_port_that_the_service_does_not_have() -> None:
    document = World(SERVICE, SLICE).outbound("10.43.0.1:99")
    assert document["forbidden"]
    assert "backends" not in document
    assert World(SERVICE, SLICE).outbound("10.43.0.1:53")["forbidden"]


def test_a_headless_service() -> None:
    world = World(HEADLESS, SLICE)
    assert world.endpoints("web.ns.svc.cluster.local:80") == ["10.42.0.1:8080", "10.42.0.2:8080"]
    assert world.endpoints("web-1.web.ns.svc.cluster.local:80") == ["10.42.0.2:8080"]
    assert world.outbound("web-1.web.ns.svc.cluster.local:80")["authority"] == "web-1.web.ns.svc.cluster.local:80"
    # Its ports are the pods' own.
    assert world.endpoints("web.ns.svc.cluster.local:9999") == ["10.42.0.1:9999", "10.42.0.2:9999"]


@pytest.mark.parametrize(
    ("annotation", "app_protocol", "port", "protocol"),
    [
        (None, None, 80, "detect"),
        (None, "http", 80, "http1"),
        (None, "kubernetes.io/h2c", 80, "http2"),
        (None, "linkerd.io/opaque", 80, "opaque"),
        (None, "linkerd.io/tcp", 80, "opaque"),
        (None, "https", 80, "detect"),
        ("80", "http", 80, "opaque"),
        ("http", None, 80, "opaque"),
        ("70-90", None, 80, "opaque"),
        (None, None, 3306, "opaque"),
        ("", None, 3306, "detect"),
        ("9-1", None, 3306, "opaque"),
    ],
)
def test_protocol(annotation: str | None, app_protocol: str | None, port: int, protocol: str) -> None:
    text = SERVICE
    if annotation is not None:
        text = text.replace(
            "{name: web}", f'{{name: web, annotations: {{config.linkerd.io/opaque-ports: "{annotation}"}}}}'
        )
    if app_protocol is not None:
        text = text.replace("port: 80", f'port: 80, appProtocol: "{app_protocol}"')
    assert World(text, SLICE).outbound(f"10.43.0.1:{port}").get("protocol", "detect") == protocol


def test_a_pod_by_its_address() -> None:
    pod = """
    kind: Pod
    metadata: {name: p, annotations: {config.linkerd.io/opaque-ports: "9000"}}
    spec: {containers: []}
    status: {podIP: 10.42.0.9, phase: Running}
    """
    document = World(pod).outbound("10.42.0.9:8080")
    assert document == {
        "authority": "10.42.0.9:8080",
        "parent": {"name": "forward"},
        "routes": [{"name": "default", "resource": {"name": "forward"}, "backends": [{"ref": "forward"}]}],
        "backends": {
            "forward": {
                "resource": {"name": "forward"},
                "labels": {"namespace": "ns"},
                "endpoints": [
                    {
                        "addr": "10.42.0.9:8080",
                        "labels": {"pod": "p", "serviceaccount": "default", "zone_locality": "unknown"},
                    }
                ],
            }
        },
    }
    assert World(pod).outbound("10.42.0.9:9000")["protocol"] == "opaque"


def test_an_unknown_address_is_forwarded() -> None:
    document = World().outbound("203.0.113.9:443")
    assert document["authority"] == "203.0.113.9:443"
    assert document["backends"]["forward"]["endpoints"] == [{"addr": "203.0.113.9:443"}]
    assert World().endpoints("[2001:db8::1]:443") == ["[2001:db8::1]:443"]


@pytest.mark.parametrize(
    ("text", "target", "code", "retryable"),
    [
        ("", "web.ns.svc.cluster.local:80", "notFound", True),
        (SERVICE + "  type: ExternalName", "web.ns.svc.cluster.local:80", "invalidTarget", True),
        ("", "example.com:80", "invalidTarget", False),
    ],
)
def test_no_answer(text: str, target: str, code: str, retryable: bool) -> None:
    error = World(text).outbound(target)
    assert (error["code"], error.get("retryable", True)) == (code, retryable)
    assert error["message"]
