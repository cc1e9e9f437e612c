"""config.linkerd.io/default-inbound-policy: all-authenticated, end to end: only clients with a mesh identity pass."""

import json

import pytest
from tests.e2e.cluster import Cluster, sample
from tests.e2e.manifests import MESHED, PLAIN, PORTS, PROBE

pytestmark = pytest.mark.root

STRICT = f"strict.{MESHED}"


@pytest.mark.parametrize("protocol", ["http1", "http2"])
def test_http(mesh: Cluster, protocol: str) -> None:
    port = PORTS[protocol]
    refused = mesh.ask(PLAIN, "plain", protocol, host=STRICT, port=port)
    assert refused.get("status") == 403, refused
    assert refused["body"] == ""
    passed = mesh.ask(MESHED, "client", protocol, host=STRICT, port=port)
    assert passed.get("status") == 200, passed
    assert json.loads(passed["body"])["pod"].startswith("strict-")


def test_nor_by_the_pods_address(mesh: Cluster) -> None:
    address = mesh.pod(MESHED, "strict")["status"]["podIP"]
    assert mesh.ask(PLAIN, "plain", "http1", host=address, port=PORTS["http1"]).get("status") == 403


def test_opaque_port(mesh: Cluster) -> None:
    refused = mesh.ask(PLAIN, "plain", "greeting", host=STRICT, port=PORTS["greeting"], send="HELO")
    assert refused == {"closed": True} or "ConnectionResetError" in refused.get("error", ""), refused
    passed = mesh.ask(MESHED, "client", "greeting", host=STRICT, port=PORTS["greeting"], send="HELO")
    assert passed == {"first": "220 e2e ready\r\n", "second": "250 HELO\n"}


def test_tcp_of_an_unknown_protocol(mesh: Cluster) -> None:
    refused = mesh.ask(PLAIN, "plain", "half_close", host=STRICT, port=PORTS["echo"], send="\x00\x01\x02")
    assert refused == {"received": ""} or "Connection" in refused.get("error", ""), refused
    passed = mesh.ask(MESHED, "client", "half_close", host=STRICT, port=PORTS["echo"], send="\x00\x01\x02")
    assert passed == {"received": "3\n\x00\x01\x02"}


def test_grpc(mesh: Cluster) -> None:
    refused = mesh.ask(PLAIN, "plain", "grpc", host=STRICT, case="unary", text="hello")
    assert refused.get("code") == "PERMISSION_DENIED", refused
    passed = mesh.ask(MESHED, "client", "grpc", host=STRICT, case="unary", text="hello")
    assert passed.get("reply") == "unary hello", passed


def test_what_was_refused_is_counted(mesh: Cluster) -> None:
    before = mesh.proxy_metrics(MESHED, "strict")
    mesh.ask(PLAIN, "plain", "http1", host=STRICT, port=PORTS["http1"])
    mesh.ask(PLAIN, "plain", "greeting", host=STRICT, port=PORTS["greeting"], send="HELO")
    mesh.ask(MESHED, "client", "http1", host=STRICT, port=PORTS["http1"])
    after = mesh.proxy_metrics(MESHED, "strict")
    for name in ("inbound_http_authz_deny_total", "inbound_tcp_authz_deny_total", "inbound_http_authz_allow_total"):
        assert sample(after, name) > sample(before, name), name


def test_probes_pass(mesh: Cluster) -> None:
    """The kubelet has no identity: what a probe asks for is open to all, as in Linkerd, and nothing beside it."""
    statuses = mesh.pod(MESHED, "strict")["status"]["containerStatuses"]
    assert all(status["ready"] for status in statuses)
    for path, status in ((PROBE, 200), (f"{PROBE}/more", 403), (f"{PROBE}%2f..", 403)):
        said = mesh.ask(PLAIN, "plain", "http1", host=STRICT, port=PORTS["http1"], path=path)
        assert said.get("status") == status, (path, said)
    said = mesh.ask(PLAIN, "plain", "http1", host=STRICT, port=PORTS["http1"], path=PROBE, body="a POST is no probe")
    assert said.get("status") == 403, said
