"""From Kubernetes' JSON to the index's objects."""

import json
from typing import Any

import pytest

from linkerd_destination.index.objects import Pod, Probe, ServicePort
from linkerd_destination.watch import decode


def pod(**spec: Any) -> Pod:
    metadata = spec.pop("metadata", {})
    status = spec.pop("status", {})
    document = {"metadata": {"name": "p", "namespace": "ns", **metadata}, "spec": spec, "status": status}
    return decode.pod(json.dumps(document).encode())


@pytest.mark.parametrize(
    ("labels", "owners", "expected"),
    [
        ({"linkerd.io/proxy-deployment": "web"}, [{"kind": "ReplicaSet", "name": "x-1"}], ("deployment", "web")),
        ({"pod-template-hash": "1"}, [{"kind": "ReplicaSet", "name": "x-y-1"}], ("deployment", "x-y")),
        ({}, [{"kind": "ReplicaSet", "name": "x-1"}], ("replicaset", "x-1")),
        ({}, [{"kind": "StatefulSet", "name": "db"}], ("statefulset", "db")),
        ({}, [{"kind": "Job", "name": "j"}], ("k8s_job", "j")),
        ({}, [{"kind": "Node", "name": "n"}], None),
        ({}, [], None),
        (
            {},
            [{"kind": "Job", "name": "j"}, {"kind": "DaemonSet", "name": "d", "controller": True}],
            ("daemonset", "d"),
        ),
        ({}, None, None),
    ],
)
def test_owner(
    labels: dict[str, str], owners: list[dict[str, object]] | None, expected: tuple[str, str] | None
) -> None:
    assert pod(metadata={"labels": labels, "ownerReferences": owners}).owner == expected


def test_null_is_absent() -> None:
    read = decode.pod(
        b'{"metadata":{"name":"p","namespace":"ns","labels":null,"annotations":null},'
        b'"spec":{"containers":null,"initContainers":null},"status":{"podIPs":null,"podIP":null}}'
    )
    assert read == Pod(namespace="ns", name="p")
    assert decode.pod(b'{"metadata":{"name":"p","namespace":"ns"}}') == read


def test_probes_by_name_and_number() -> None:
    read = pod(
        containers=[
            {
                "name": "web",
                "ports": [
                    {"name": "http", "containerPort": 80},
                    {"name": "dns", "containerPort": 53, "protocol": "UDP"},
                ],
                "livenessProbe": {"httpGet": {"port": "http", "path": "a"}},
                "readinessProbe": {"httpGet": {"port": "nowhere"}},
            }
        ]
    )
    assert read.probes == (Probe(port=80, path="/a"),)
    assert read.ports == (("http", 80),)


def test_addresses_are_canonical() -> None:
    assert pod(status={"podIPs": [{"ip": "FD00:0::1"}], "podIP": "x"}).ips == ("fd00::1",)
    assert pod(status={"podIP": "10.0.0.1"}).ips == ("10.0.0.1",)


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ({"hostIP": "192.168.0.1"}, ("192.168.0.1",)),
        ({"hostIP": "192.168.0.1", "hostIPs": [{"ip": "192.168.0.1"}, {"ip": "FD00::1"}]}, ("192.168.0.1", "fd00::1")),
        ({}, ()),
    ],
)
@pytest.mark.parametrize("host_network", [False, True])
def test_host_ports_are_reached_at_every_address_of_the_node(
    status: dict[str, object], expected: tuple[str, ...], host_network: bool
) -> None:
    ports = [{"containerPort": 80, "hostPort": 8080}, {"containerPort": 53, "hostPort": 53, "protocol": "UDP"}]
    read = pod(containers=[{"name": "a", "ports": ports}], hostNetwork=host_network, status=status)
    assert read.host_ips == expected
    assert read.host_ports == ((8080, 80),)


@pytest.mark.parametrize(
    ("phase", "deletion", "ended", "deleting"),
    [
        ("Running", None, False, False),
        ("Pending", None, False, False),
        ("Succeeded", None, True, False),
        ("Failed", "2026-01-01T00:00:00Z", True, True),
        ("Running", "2026-01-01T00:00:00Z", False, True),
    ],
)
def test_life(phase: str, deletion: str | None, ended: bool, deleting: bool) -> None:
    read = pod(metadata={"deletionTimestamp": deletion}, status={"phase": phase})
    assert (read.ended, read.deleting) == (ended, deleting)


@pytest.mark.parametrize(
    "raw", [b"{}", b"", b'{"metadata":{"name":1}}', b'{"metadata":{"name":"p"},"status":{"podIP":"x"}}']
)
def test_what_cannot_be_used_is_a_value_error(raw: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        decode.pod(raw)


def test_service() -> None:
    document = {
        "metadata": {"name": "s", "namespace": "ns"},
        "spec": {
            "clusterIP": "10.43.0.1",
            "clusterIPs": ["10.43.0.1", "fd00::1"],
            "selector": {"b": "2", "a": "1"},
            "ports": [
                {"port": 80, "appProtocol": "http"},
                {"port": 81, "name": "n", "targetPort": "web"},
                {"port": 82, "targetPort": 8082},
                {"port": 53, "protocol": "UDP"},
            ],
        },
    }
    read = decode.service(json.dumps(document).encode())
    assert read.ips == ("10.43.0.1", "fd00::1")
    assert read.ports == (
        ServicePort(port=80, app_protocol="http", target=80),
        ServicePort(port=81, name="n", target="web"),
        ServicePort(port=82, target=8082),
    )
    assert read.selector == (("a", "1"), ("b", "2"))


@pytest.mark.parametrize("address", ["None", "", None])
def test_headless(address: str | None) -> None:
    spec = {"clusterIP": address, "clusterIPs": None if not address else [address]}
    document = {"metadata": {"name": "s", "namespace": "ns"}, "spec": spec}
    assert decode.service(json.dumps(document).encode()).headless


def slice_of(endpoint: dict[str, object], address_type: str = "IPv4") -> Any:
    document = {
        "metadata": {"name": "s-1", "namespace": "ns", "labels": {"kubernetes.io/service-name": "s"}},
        "addressType": address_type,
        "ports": [{"name": None, "port": 80}, {"name": "all", "port": None}, {"port": 53, "protocol": "UDP"}],
        "endpoints": [endpoint],
    }
    return decode.endpoint_slice(json.dumps(document).encode())


@pytest.mark.parametrize(
    ("conditions", "usable"),
    [
        (None, True),
        ({}, True),
        ({"ready": True}, True),
        ({"ready": None, "terminating": None}, True),
        ({"ready": False}, False),
        ({"ready": True, "terminating": True}, True),  # publishNotReadyAddresses
        ({"ready": False, "serving": True, "terminating": True}, False),
    ],
)
def test_conditions(conditions: dict[str, object] | None, usable: bool) -> None:
    read = slice_of({"addresses": ["10.0.0.1"], "conditions": conditions})
    assert bool(read.endpoints) is usable
    assert (read.service, read.ports) == ("s", (("", 80),))


def test_v1beta1_has_its_zone_in_the_topology() -> None:
    read = slice_of({"addresses": ["10.0.0.1"], "topology": {"topology.kubernetes.io/zone": "a"}})
    assert read.endpoints[0].zone == "a"


def test_names_cannot_be_dialled() -> None:
    assert slice_of({"addresses": ["example.com"]}, "FQDN").endpoints == ()


def test_what_pods_of_a_template_have_in_common_is_kept_once() -> None:
    def made(name: str) -> Pod:
        container = {"name": "a", "ports": [{"name": "http", "containerPort": 80}]}
        metadata = {"name": name, "labels": {"app": "web"}}
        return pod(metadata=metadata, containers=[container], nodeName="node-1", serviceAccountName="web-account")

    first, second = made("one"), made("two")
    assert first != second
    for field in ("namespace", "labels", "ports", "node", "service_account", "probes", "owner"):
        assert getattr(first, field) is getattr(second, field), field
