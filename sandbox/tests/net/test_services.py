"""From Services and EndpointSlices to virtual addresses and where they lead."""

import pytest

from linkerd_kube.objects import JsonObject
from linkerd_sandbox.net.services import VirtualPort, virtual_ports


def a_service(name: str, ip: str, *ports: JsonObject) -> JsonObject:
    return {"metadata": {"name": name, "namespace": "default"}, "spec": {"clusterIP": ip, "ports": list(ports)}}


def a_slice(service: str, port: JsonObject, *endpoints: JsonObject, kind: str = "IPv4") -> JsonObject:
    labels = {"kubernetes.io/service-name": service}
    meta = {"name": f"{service}-x", "namespace": "default", "labels": labels}
    return {"metadata": meta, "addressType": kind, "ports": [port], "endpoints": list(endpoints)}


def at(ip: str, **conditions: bool) -> JsonObject:
    return {"addresses": [ip], "conditions": conditions}


HTTP: JsonObject = {"name": "http", "port": 80, "protocol": "TCP"}
TARGET: JsonObject = {"name": "http", "port": 8080, "protocol": "TCP"}


def test_ready_endpoints_by_port_name() -> None:
    services = [a_service("web", "10.43.0.16", HTTP, {"name": "dns", "port": 53, "protocol": "UDP"})]
    slices = [
        a_slice("web", TARGET, at("10.42.0.3", ready=True), at("10.42.0.2"), at("10.42.0.9", ready=False)),
        a_slice("other", TARGET, at("10.42.0.8", ready=True)),
        a_slice("web", TARGET, at("fd00::1", ready=True), kind="IPv6"),
    ]
    assert virtual_ports(services, slices) == [
        VirtualPort("10.43.0.16", "tcp", 80, "default/web:80", (("10.42.0.2", 8080), ("10.42.0.3", 8080))),
        VirtualPort("10.43.0.16", "udp", 53, "default/web:53", ()),
    ]


def test_draining_pods_serve_when_nobody_else_does() -> None:
    draining = at("10.42.0.3", ready=False, serving=True, terminating=True)
    (only,) = virtual_ports([a_service("web", "10.43.0.16", HTTP)], [a_slice("web", TARGET, draining)])
    assert only.endpoints == (("10.42.0.3", 8080),)
    both = [a_slice("web", TARGET, draining, at("10.42.0.4", ready=True))]
    (port,) = virtual_ports([a_service("web", "10.43.0.16", HTTP)], both)
    assert port.endpoints == (("10.42.0.4", 8080),)


@pytest.mark.parametrize("ip", ["None", ""])
def test_services_without_an_address_have_no_rules(ip: str) -> None:
    assert virtual_ports([a_service("web", ip, HTTP)], []) == []


def test_each_family_leads_to_addresses_of_its_own() -> None:
    service = a_service("web", "10.43.0.16", HTTP)
    service["spec"] |= {"clusterIPs": ["10.43.0.16", "fd00:10:43::10"], "sessionAffinity": "ClientIP"}
    slices = [a_slice("web", TARGET, at("10.42.0.3")), a_slice("web", TARGET, at("fd00::3"), kind="IPv6")]
    four, six = virtual_ports([service], slices)
    assert (four.family, four.endpoints) == ("IPv4", (("10.42.0.3", 8080),))
    assert (six.family, six.endpoints) == ("IPv6", (("fd00::3", 8080),))
    assert four.affinity_seconds == 10800
    service["spec"]["sessionAffinityConfig"] = {"clientIP": {"timeoutSeconds": 60}}
    assert virtual_ports([service], slices)[0].affinity_seconds == 60
