"""A meshed application over IPv6: a dual-stack cluster, installed with disableIPv6=false."""

from __future__ import annotations

import os
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import AF_INET6

import pytest
from tests.e2e.clusters import GIVEN

from linkerd_sandbox.testing.cluster import Cluster
from linkerd_sandbox.testing.mesh import Client, Mesh, Service, fresh
from linkerd_sandbox.testing.samples import sample
from linkerd_sandbox.testing.start import meshed_cluster

pytestmark = pytest.mark.root

SPACE = "six"


class Echo(BaseHTTPRequestHandler):
    """Says at which of its addresses it was reached, and who the sidecar says is calling."""

    def do_GET(self) -> None:
        body = f"{self.connection.getsockname()[0]} {self.headers['l5d-client-id']}".encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class BothFamilies(ThreadingHTTPServer):
    """Listens on [::], which takes IPv4 too."""

    address_family = AF_INET6


def web() -> None:
    BothFamilies(("::", int(os.environ["PORT"])), Echo).serve_forever()


@pytest.fixture(scope="module")
def dual(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> Iterator[Cluster]:
    if GIVEN or os.environ.get("APISERVER") == "real":
        pytest.skip("it needs a dual-stack sandbox on the embedded API server")
    directory = tmp_path_factory.mktemp("dual")
    with meshed_cluster(directory, pytestconfig.rootpath, "--set", "disableIPv6=false", ip_family="dual") as cluster:
        yield cluster


@pytest.fixture(scope="module")
def space(dual: Cluster) -> Iterator[tuple[Mesh, Client, Service]]:
    """Two meshed pods, and a Service of the one that has an IPv6 address only."""
    with fresh(dual, SPACE) as mesh:
        server = mesh.deploy("web", web)
        spec = {"selector": {"app": "web"}, "ports": [{"port": 8080}], "ipFamilies": ["IPv6"]}
        mesh.apply({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web6"}, "spec": spec})
        dual.await_endpoints(SPACE, "web6")
        yield mesh, mesh.client(), server


def secured_inbound(server: Service, client: Client) -> float:
    """Requests that the server's sidecar took over mutual TLS from the client."""
    return sample(server.metrics(), "request_total", direction="inbound", tls="true", client_id=client.identity)


@pytest.mark.parametrize("by", ["IPv6 Service", "IPv6 address of the pod", "IPv4 Service"])
def test_requests_are_mutual_tls(dual: Cluster, space: tuple[Mesh, Client, Service], by: str) -> None:
    mesh, client, server = space
    addresses = {":" in one["ip"]: one["ip"] for one in dual.pod(SPACE, "web")["status"]["podIPs"]}
    host = {"IPv6 Service": "web6", "IPv6 address of the pod": f"[{addresses[True]}]", "IPv4 Service": "web"}[by]
    before = secured_inbound(server, client)
    with mesh.expect_mtls(client, server):
        said = client.get(f"http://{host}:8080/")
    assert said.status == 200, said
    reached, caller = said.body.split()
    assert reached.removeprefix("::ffff:") == addresses[by.startswith("IPv6")]
    assert caller == client.identity
    assert secured_inbound(server, client) == before + 1


def test_an_unmeshed_caller_is_taken_over_ipv6_and_known_as_nobody(space: tuple[Mesh, Client, Service]) -> None:
    mesh, _, _ = space
    said = mesh.client("plain", meshed=False).get("http://web6:8080/")
    assert (said.status, said.body.split()[1:]) == (200, ["None"]), said
