"""What names mean: the records of Kubernetes' DNS specification."""

import socket
import struct

import pytest
from sandbox.tests.net.test_dns_wire import question
from sandbox.tests.net.test_services import HTTP, TARGET, a_service, a_slice, at

from linkerd_kube.objects import JsonObject
from linkerd_sandbox.net import dns_wire
from linkerd_sandbox.net.dns_zone import Zone

SUFFIX = "default.svc.cluster.local"


def zone() -> Zone:
    headless = a_service("peers", "None", HTTP)
    external = {
        "metadata": {"name": "out", "namespace": "default"},
        "spec": {"type": "ExternalName", "externalName": "x.org"},
    }
    named: JsonObject = at("10.42.0.3", ready=True) | {"hostname": "zero"}
    slices = [a_slice("peers", TARGET, named, at("10.42.0.4", ready=True), at("10.42.0.5", ready=False))]
    slices.append(a_slice("peers", TARGET, at("fd00:10:42::3", ready=True), kind="IPv6"))
    both = a_service("both", "10.43.0.17", HTTP)
    both["spec"]["clusterIPs"] = ["10.43.0.17", "fd00:10:43::10"]
    services = [a_service("web", "10.43.0.16", HTTP), headless, external, both]
    made = Zone("cluster.local")
    made.replace(lambda: services, lambda: slices)
    return made


def ask(name: str, kind: int = dns_wire.A) -> tuple[int, list[tuple[int, bytes]]]:
    """(response code, [(type, data)] of the answer section)"""
    raw = zone().answer(dns_wire.parse(question(name, kind)), limit=None)
    _, flags, _, count, _, _ = struct.unpack_from("!6H", raw)
    position = raw.index(b"\0", 12) + 5
    found = []
    for _ in range(count):
        position = position + 2 if raw[position] >= 0xC0 else raw.index(b"\0", position) + 1
        record_type, _, _, length = struct.unpack_from("!2HIH", raw, position)
        position += 10
        found.append((record_type, raw[position : position + length]))
        position += length
    return flags & 15, found


def addresses(name: str) -> list[str]:
    code, records = ask(name)
    assert code == dns_wire.NOERROR
    return [socket.inet_ntoa(data) for kind, data in records if kind == dns_wire.A]


def test_addresses() -> None:
    assert addresses(f"web.{SUFFIX}") == ["10.43.0.16"]
    assert addresses(f"WEB.{SUFFIX}.") == ["10.43.0.16"]
    assert addresses(f"peers.{SUFFIX}") == ["10.42.0.3", "10.42.0.4"]
    assert addresses(f"zero.peers.{SUFFIX}") == ["10.42.0.3"]
    assert addresses(f"10-42-0-4.peers.{SUFFIX}") == ["10.42.0.4"]
    assert addresses("10-42-0-77.default.pod.cluster.local") == ["10.42.0.77"]


def test_ipv6_addresses() -> None:
    def six(name: str) -> list[str]:
        code, records = ask(name, dns_wire.AAAA)
        assert code == dns_wire.NOERROR
        return [socket.inet_ntop(socket.AF_INET6, data) for kind, data in records if kind == dns_wire.AAAA]

    assert six(f"both.{SUFFIX}") == ["fd00:10:43::10"]
    assert addresses(f"both.{SUFFIX}") == ["10.43.0.17"]
    assert six(f"peers.{SUFFIX}") == ["fd00:10:42::3"]
    assert six(f"fd00-10-42--3.peers.{SUFFIX}") == ["fd00:10:42::3"]
    assert six("fd00-10-42--77.default.pod.cluster.local") == ["fd00:10:42::77"]
    assert six("10-42-0-77.default.pod.cluster.local") == []


@pytest.mark.parametrize("name", [f"web.{SUFFIX}", SUFFIX, "svc.cluster.local", "cluster.local", f"_tcp.web.{SUFFIX}"])
def test_what_exists_without_such_records_is_no_error(name: str) -> None:
    assert ask(name, dns_wire.AAAA) == (dns_wire.NOERROR, [])


@pytest.mark.parametrize(
    "name",
    [f"missing.{SUFFIX}", "web.other.svc.cluster.local", "x.default.pod.cluster.local", f"web.{SUFFIX}.{SUFFIX}"],
)
def test_what_does_not_exist(name: str) -> None:
    assert ask(name)[0] == dns_wire.NXDOMAIN


def test_the_world_outside_is_refused() -> None:
    assert ask("example.com")[0] == dns_wire.REFUSED
    assert ask("mycluster.local")[0] == dns_wire.REFUSED


def test_srv() -> None:
    _, ((kind, data),) = ask(f"_http._tcp.web.{SUFFIX}", dns_wire.SRV)
    assert kind == dns_wire.SRV
    assert struct.unpack_from("!3H", data) == (0, 100, 80)
    assert len(ask(f"_http._tcp.peers.{SUFFIX}", dns_wire.SRV)[1]) == 3, "each address once"
    raw = zone().answer(dns_wire.parse(question(f"_http._tcp.peers.{SUFFIX}", dns_wire.SRV)), limit=None)
    assert struct.unpack_from("!6H", raw)[5] == 3, "addresses of the targets come along"


def test_external_names() -> None:
    assert ask(f"out.{SUFFIX}")[1] == [(dns_wire.CNAME, b"\x01x\x03org\x00")]
