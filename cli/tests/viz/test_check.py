"""`linkerd viz check`, and viz's part of `linkerd check`."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cli.tests.check.mesh import Issued, b64, control_plane
from cli.tests.cluster import Cluster
from cli.tests.terminal import Terminal
from cli.tests.viz.api import Api

from linkerd_contract.problem import Problem
from linkerd_contract.viz import PodRow, PodsResponse, StatResponse
from linkerd_runtime import pki

VIZ = """linkerd-viz
-----------
{}√ linkerd-viz Namespace exists
√ linkerd-viz ClusterRoles exist
√ linkerd-viz ClusterRoleBindings exist
√ tap API server has valid cert
√ tap API server cert is valid for at least 60 days
√ tap API service is running
√ viz extension pods are running
√ viz extension self-check

Status check results are √
"""


SERVICE = "/apis/apiregistration.k8s.io/v1/apiservices/v1alpha1.tap.linkerd.io"
HOST = "tap.linkerd-viz.svc"


class Tap:
    """A pod of tap, and what the APIService trusts."""

    def __init__(self, kube: Cluster, directory: Path) -> None:
        self._kube = kube
        self._directory = directory
        self._server: asyncio.Server | None = None

    async def serve(self, host: str = HOST, days: int = 365) -> None:
        """With a certificate for the host that ends so many days from now, and trusted."""
        await self.end()
        now = datetime.now(UTC)
        validity = pki.Validity(now - timedelta(days=9), now + timedelta(days=days))
        authority = pki.make_ca("ca.tap.linkerd-viz.svc", validity, path_length=0)
        private = pki.new_key()
        chain, key = self._directory / "tap.crt", self._directory / "tap.key"
        chain.write_text(pki.pem(pki.make_leaf(authority, private.public_key(), host, [host], validity)))
        key.write_text(pki.private_pem(private))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(chain, key)
        self._server = await asyncio.start_server(lambda _reader, writer: writer.close(), "127.0.0.1", 0, ssl=context)
        self._kube.forwards["tap-1", 8089] = self._server.sockets[0].getsockname()[1]
        self.trust(b64(authority.certificate_pem))

    def trust(self, bundle: str) -> None:
        """The caBundle."""
        found = self._kube.objects[SERVICE]
        self._kube.put(SERVICE, {**found, "spec": {**found["spec"], "caBundle": bundle}})

    async def end(self) -> None:
        """Nobody listens."""
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()


@pytest.fixture
async def tap(kube: Cluster, api: Api, tmp_path: Path) -> AsyncIterator[Tap]:
    """Beside the metrics API."""
    kube.add_pod("linkerd-viz", "tap-1", {"linkerd.io/extension": "viz", "component": "tap"})
    running = Tap(kube, tmp_path)
    await running.serve()
    yield running
    await running.end()


async def test_whole(terminal: Terminal, kube: Cluster, api: Api, tap: Tap) -> None:
    api.answers["/api/v1/stat"] = StatResponse()
    said = await terminal.linkerd("viz", "check", "--wait", "0")
    assert (said.code, said.out) == (0, VIZ.format("√ can initialize the client\n"))


async def test_linkerd_check_has_it_too(terminal: Terminal, kube: Cluster, api: Api, tap: Tap) -> None:
    control_plane(kube)
    api.answers["/api/v1/stat"] = StatResponse()
    said = await terminal.linkerd("check", "--wait", "0")
    assert said.code == 0
    assert said.out.endswith("√ no namespace is stuck being deleted\n\n" + VIZ.format(""))


async def test_not_installed(terminal: Terminal, kube: Cluster) -> None:
    said = await terminal.linkerd("viz", "check", "--wait", "0")
    assert said.code == 1
    assert "× linkerd-viz Namespace exists\n    namespace linkerd-viz is not there" in said.out


async def test_pods_that_cannot_be_scraped_fail_the_self_check(
    terminal: Terminal, kube: Cluster, api: Api, tap: Tap
) -> None:
    api.answers["/api/v1/stat"] = StatResponse(unscraped=["x/a"])
    said = await terminal.linkerd("viz", "check", "--wait", "0")
    assert said.code == 1
    assert "× viz extension self-check\n    metrics that cannot be read: x/a\n" in said.out


async def test_proxy_names_pods_that_are_not_measured(terminal: Terminal, kube: Cluster, api: Api, tap: Tap) -> None:
    kube.put("/api/v1/namespaces/x", {})
    api.answers["/api/v1/stat"] = StatResponse()
    good, bad = (
        PodRow("x", name, status="Running", meshed=True, failure=why) for name, why in (("a", ""), ("b", "503"))
    )
    api.answers["/api/v1/pods"] = PodsResponse([good])
    said = await terminal.linkerd("viz", "check", "--proxy", "-n", "x")
    assert said.code == 0
    assert "√ data plane namespace exists\n√ data plane proxy metrics are present\n" in said.out
    assert api.asked[-1] == {"namespace": "x"}
    api.answers["/api/v1/pods"] = PodsResponse([good, bad])
    said = await terminal.linkerd("viz", "check", "--proxy", "--wait", "0")
    assert said.code == 0
    assert "‼ data plane proxy metrics are present\n    Data plane metrics are missing for:\n    x/b: 503\n" in said.out


async def test_proxy_of_a_namespace_that_is_not_there(terminal: Terminal, kube: Cluster, api: Api, tap: Tap) -> None:
    api.answers["/api/v1/stat"] = StatResponse()
    said = await terminal.linkerd("viz", "check", "--proxy", "-n", "gone")
    assert said.code == 1
    assert '× data plane namespace exists\n    The "gone" namespace does not exist\n' in said.out
    assert (await terminal.linkerd("viz", "check", "-n", "x")).err.endswith("is of use with --proxy only\n")


async def test_a_prometheus_that_is_away_is_a_warning_of_its_own(
    terminal: Terminal, kube: Cluster, api: Api, tap: Tap
) -> None:
    pod = kube.objects["/api/v1/namespaces/linkerd-viz/pods/metrics-api-1"]
    pod["spec"]["containers"][0]["env"] = [{"name": "LINKERD_VIZ_PROMETHEUS_URL", "value": "http://p:9090"}]
    cause = "the Prometheus at http://p:9090 cannot be asked: refused"
    api.answers["/api/v1/stat"] = Problem("Measurements unavailable", 503, "unavailable", cause)
    said = await terminal.linkerd("viz", "check", "--wait", "0")
    assert said.code == 1
    assert f"‼ prometheus is installed and configured correctly\n    {cause}\n" in said.out
    api.answers["/api/v1/stat"] = StatResponse()
    said = await terminal.linkerd("viz", "check", "--wait", "0")
    assert "√ prometheus is installed and configured correctly\n√ viz extension self-check\n" in said.out


async def test_a_tap_that_the_api_server_cannot_reach(terminal: Terminal, kube: Cluster, api: Api, tap: Tap) -> None:
    api.answers["/api/v1/stat"] = StatResponse()
    condition = {"type": "Available", "status": "False", "message": "no endpoints"}
    kube.put(SERVICE, {**kube.objects[SERVICE], "status": {"conditions": [condition]}})
    said = await terminal.linkerd("viz", "check", "--wait", "0")
    assert said.code == 1
    assert "× tap API service is running\n    APIService v1alpha1.tap.linkerd.io: no endpoints\n" in said.out
    kube.remove(SERVICE)
    said = await terminal.linkerd("viz", "check", "--wait", "0")
    assert "    APIService v1alpha1.tap.linkerd.io is not there\n" in said.out


@pytest.mark.parametrize(
    ("host", "days", "told"),
    [
        ("other.linkerd-viz.svc", 365, "Hostname mismatch, certificate is not valid for 'tap.linkerd-viz.svc'."),
        (HOST, -2, "certificate has expired"),
    ],
)
async def test_a_certificate_that_the_api_server_would_refuse(
    terminal: Terminal, api: Api, tap: Tap, host: str, days: int, told: str
) -> None:
    api.answers["/api/v1/stat"] = StatResponse()
    await tap.serve(host, days)
    said = await terminal.linkerd("viz", "check", "--wait", "0")
    assert said.code == 1
    vouch = "    tap-1: caBundle does not vouch for its certificate: "
    assert f"× tap API server has valid cert\n{vouch}{told}\n" in said.out


async def test_a_bundle_of_somebody_else_or_none(terminal: Terminal, api: Api, tap: Tap) -> None:
    api.answers["/api/v1/stat"] = StatResponse()
    for bundle, told in (
        (b64(Issued("x").pem), "tap-1: caBundle does not vouch for its certificate: unable to get local issuer"),
        ("", "has no caBundle: tap has not written it yet"),
        ("?", "is not certificates in base64"),
        (b64("x"), "is not certificates in PEM"),
    ):
        tap.trust(bundle)
        said = await terminal.linkerd("viz", "check", "--wait", "0")
        assert said.code == 1
        assert told in said.out.partition("× tap API server has valid cert\n")[2].partition("\n")[0]


async def test_a_certificate_that_ends_soon_is_a_warning(terminal: Terminal, api: Api, tap: Tap) -> None:
    api.answers["/api/v1/stat"] = StatResponse()
    await tap.serve(days=59)
    said = await terminal.linkerd("viz", "check", "--wait", "0")
    assert said.code == 0
    assert "√ tap API server has valid cert\n‼ tap API server cert is valid for at least 60 days\n" in said.out
    assert "  * tap-1 will expire on 20" in said.out


async def test_a_tap_that_does_not_listen(terminal: Terminal, kube: Cluster, api: Api, tap: Tap) -> None:
    api.answers["/api/v1/stat"] = StatResponse()
    await tap.end()
    said = await terminal.linkerd("viz", "check", "--wait", "0")
    assert said.code == 1
    assert "× tap API server has valid cert\n    tap-1: no TLS on port 8089: " in said.out
