"""From Services and EndpointSlices to nft rules; nft itself reads them in a namespace of its own."""

import shutil
import subprocess

import pytest

from linkerd_kube.objects import JsonObject
from linkerd_sandbox.net.services import VirtualPort, chain_name, render, virtual_ports


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


@pytest.mark.parametrize("ip", ["None", "", "fd00::10"])
def test_services_without_an_ipv4_address_have_no_rules(ip: str) -> None:
    assert virtual_ports([a_service("web", ip, HTTP)], []) == []


def ruleset() -> str:
    ports = [
        VirtualPort("10.43.0.16", "tcp", 80, "a", (("10.42.0.2", 8080), ("10.42.0.3", 8080))),
        VirtualPort("10.43.0.17", "udp", 53, "b", (("10.42.0.2", 5353),)),
        VirtualPort("10.43.0.18", "tcp", 80, "c", ()),
        VirtualPort("10.43.0.10", "udp", 53, "dns", ()),
    ]
    return render(ports, "10.43.0.0/16", ["10.43.0.10"])


def test_the_script_says_what_it_should() -> None:
    text = ruleset()
    assert text.startswith("add table ip linkerd_sandbox\ndelete table ip linkerd_sandbox\n"), "one transaction"
    assert "numgen random mod 2 map { 0 : 10.42.0.2 . 8080, 1 : 10.42.0.3 . 8080 }" in text
    assert "meta l4proto udp dnat ip to 10.42.0.2:5353" in text
    assert "10.43.0.16 . tcp . 80 : goto svc_10_43_0_16_tcp_80" in text
    assert "10.42.0.2 . 10.42.0.2" in text
    empty = text[text.index("set empty") : text.index("set hairpin")]
    assert "10.43.0.18 . tcp . 80" in empty
    assert "10.43.0.10" not in empty, "the node answers it"


def test_names_fit_nft() -> None:
    assert chain_name(VirtualPort("10.43.255.255", "tcp", 65535, "x", ())) == "svc_10_43_255_255_tcp_65535"


@pytest.mark.root
@pytest.mark.parametrize("script", [ruleset(), render([], "10.43.0.0/16", [])])
def test_nft_accepts_it_twice(script: str) -> None:
    nft = shutil.which("nft", path="/usr/sbin:/usr/bin")
    if nft is None:
        pytest.skip("nft is not installed")
    loaded = subprocess.run(
        [
            "unshare",
            "--net",
            "--map-root-user",
            "sh",
            "-c",
            f"{nft} -f - <<EOF && {nft} list ruleset\n{script}{script}EOF",
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    if "unshare" in loaded.stderr:
        pytest.skip(loaded.stderr.strip())
    assert loaded.returncode == 0, loaded.stderr
    assert loaded.stdout.count("table ip linkerd_sandbox") == 1
