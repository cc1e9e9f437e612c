"""What the expectations take for good, over metrics that a sidecar could have. On a real mesh: examples/pytest-mesh."""

import copy
from typing import cast

import pytest

from linkerd_kube.objects import JsonObject
from linkerd_sandbox.testing.cluster import Cluster
from linkerd_sandbox.testing.mesh import Client, Mesh, Service

SIDECAR: JsonObject = {"spec": {"containers": [{"name": "app"}], "initContainers": [{"name": "linkerd-proxy"}]}}
IDENTITY = "web.shop.serviceaccount.identity.linkerd.cluster.local"


class Sidecars:
    """In a cluster's place: pods, and the metrics that a test writes."""

    def __init__(self) -> None:
        self.pods = {"client": copy.deepcopy(SIDECAR), "web": copy.deepcopy(SIDECAR)}
        self.metrics: dict[str, dict[str, float]] = {"client": {}, "web": {}}

    def pod(self, _namespace: str, app: str) -> JsonObject:
        return self.pods[app]

    def proxy_metrics(self, _namespace: str, app: str) -> list[str]:
        return [f"{series} {value}" for series, value in self.metrics[app].items()]

    def calls(self, family: str, *, tls: str, server: str = "", count: float = 1) -> None:
        """From client to web."""
        to = 'direction="outbound",dst_namespace="shop",dst_deployment="web"'
        series = f'{family}{{{to},tls="{tls}",server_id="{server}"}}'
        found = self.metrics["client"]
        found[series] = found.get(series, 0) + count


@pytest.fixture
def sidecars() -> Sidecars:
    return Sidecars()


@pytest.fixture
def mesh(sidecars: Sidecars) -> Mesh:
    return Mesh(cast(Cluster, sidecars), "shop")


@pytest.mark.parametrize("family", ["request_total", "tcp_open_total"])
def test_mtls(mesh: Mesh, sidecars: Sidecars, family: str) -> None:
    client, web = Client(mesh, "client"), Service(mesh, "web")
    sidecars.calls(family, tls="no_identity")  # before the block: not of this test's concern
    with mesh.expect_mtls(client, web):
        sidecars.calls(family, tls="true", server=IDENTITY)
    with pytest.raises(AssertionError, match="client did not call web"), mesh.expect_mtls(client, web):
        pass
    block = mesh.expect_mtls(client, web)
    block.__enter__()
    sidecars.calls(family, tls="true", server=IDENTITY)
    sidecars.calls(family, tls="no_identity")
    with pytest.raises(AssertionError, match="1 calls from client to web without mutual TLS"):
        block.__exit__(None, None, None)
    with pytest.raises(AssertionError, match="without mutual TLS"), mesh.expect_mtls(client, web):
        sidecars.calls(family, tls="true", server="somebody.else")


def test_retries(mesh: Mesh, sidecars: Sidecars) -> None:
    client, web = Client(mesh, "client"), Service(mesh, "web")
    with mesh.expect_retries(client, web, at_least=2):
        client.sent.append("http://web")
        sidecars.calls("request_total", tls="true", server=IDENTITY, count=3)
    block = mesh.expect_retries(client, web, at_least=2)
    block.__enter__()
    client.sent.append("http://web")
    sidecars.calls("request_total", tls="true", server=IDENTITY, count=2)
    with pytest.raises(AssertionError, match="1 retries from client to web, not 2"):
        block.__exit__(None, None, None)


def test_denials(mesh: Mesh, sidecars: Sidecars) -> None:
    web = Service(mesh, "web")
    with mesh.expect_denial(web):
        sidecars.metrics["web"]['inbound_tcp_authz_deny_total{srv_name="default"}'] = 1
    with pytest.raises(AssertionError, match="web refused nobody"), mesh.expect_denial(web):
        pass


def test_a_pod_without_a_sidecar_has_no_metrics(mesh: Mesh, sidecars: Sidecars) -> None:
    del sidecars.pods["client"]["spec"]["initContainers"]
    with pytest.raises(AssertionError, match="client has no sidecar"):
        Client(mesh, "client").metrics()


def test_identity(mesh: Mesh) -> None:
    assert Service(mesh, "web").identity == IDENTITY
