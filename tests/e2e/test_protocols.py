"""Meshed to unmeshed, back, and both meshed: every protocol arrives whole, with who called where that is known."""

import json

import pytest
from tests.e2e.cluster import Cluster
from tests.e2e.manifests import MESHED, PLAIN, PORTS

from linkerd_kube.objects import JsonObject

pytestmark = pytest.mark.root

ROUTES = {
    "meshed to meshed": ((MESHED, "client"), f"open.{MESHED}", True),
    "meshed to unmeshed": ((MESHED, "client"), f"plain.{PLAIN}", False),
    "unmeshed to meshed": ((PLAIN, "plain"), f"open.{MESHED}", False),
    "unmeshed to unmeshed": ((PLAIN, "plain"), f"other.{PLAIN}", False),
}
every_route = pytest.mark.parametrize("route", ROUTES)


@every_route
@pytest.mark.parametrize("protocol", ["http1", "http2"])
def test_requests_arrive_whole(mesh: Cluster, route: str, protocol: str) -> None:
    (space, app), host, secured = ROUTES[route]
    spoofed = {"x-marker": "m-1", "l5d-client-id": "somebody.else"}
    said = mesh.ask(
        space, app, protocol, host=host, port=PORTS[protocol], path="/a/b?q=1", headers=spoofed, body="hello"
    )
    assert said.get("status") == 200, said
    seen = json.loads(said["body"])
    assert (seen["method"], seen["path"], seen["body"]) == ("POST", "/a/b?q=1", "hello")
    assert seen["headers"]["x-marker"] == "m-1"
    if protocol == "http1":
        assert said["headers"]["x-answer-marker"] == "m-1"
        assert seen["headers"]["host"] == f"{host}:{PORTS['http1']}"
        assert "l5d-orig-proto" not in said["headers"]
    else:
        assert said["trailers"] == {"x-trailer": "after the body"}
    identity = f"default.{MESHED}.serviceaccount.identity.linkerd.cluster.local" if secured else None
    if host == f"open.{MESHED}":
        assert seen["headers"].get("l5d-client-id") == identity, "no client may say itself who it is"


@every_route
def test_an_applications_error_stays_its_own(mesh: Cluster, route: str) -> None:
    (space, app), host, _ = ROUTES[route]
    said = mesh.ask(space, app, "http1", host=host, port=PORTS["http1"], path="/?status=503")
    assert said.get("status") == 503, said
    assert json.loads(said["body"])["path"] == "/?status=503"
    assert "l5d-proxy-error" not in said["headers"]


@every_route
def test_tcp_with_half_close(mesh: Cluster, route: str) -> None:
    (space, app), host, _ = ROUTES[route]
    sent = "\x00\x01 not http at all \xff" + "x" * 200_000
    said = mesh.ask(space, app, "half_close", host=host, port=PORTS["echo"], send=sent)
    assert said.get("received") == f"{len(sent)}\n{sent}", str(said)[:200]


@every_route
def test_a_server_that_speaks_first(mesh: Cluster, route: str) -> None:
    (space, app), host, _ = ROUTES[route]
    said = mesh.ask(space, app, "greeting", host=host, port=PORTS["greeting"], send="HELO e2e")
    assert said == {"first": "220 e2e ready\r\n", "second": "250 HELO e2e\n"}


def test_by_pod_address_too(mesh: Cluster) -> None:
    pod: JsonObject = mesh.pod(MESHED, "open")
    said = mesh.ask(MESHED, "client", "http1", host=pod["status"]["podIP"], port=PORTS["http1"])
    assert said.get("status") == 200, said
    assert json.loads(said["body"])["headers"]["l5d-client-id"].startswith(f"default.{MESHED}.")


def test_nobody_listens(mesh: Cluster) -> None:
    said = mesh.ask(MESHED, "client", "http1", host=f"open.{MESHED}", port=PORTS["grpc"])
    assert said.get("status") in (502, 504), said
    assert said["body"] == ""
