"""`linkerd identity POD`: of a meshed pod through its proxy, of a control plane pod by a handshake."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web
from cli.tests.cluster import Cluster
from cli.tests.terminal import Terminal
from cryptography import x509

from linkerd_cli.certificate_text import certificate_text
from linkerd_cli.commands import COMMANDS, Command
from linkerd_contract.explain import IDENTITY_PATH
from linkerd_runtime import tls
from linkerd_runtime.process import serve
from linkerd_testkit.certs import Authority, Leaf

PROXY = {"containers": [{"name": "linkerd-proxy"}]}
COMPONENT = "linkerd.io/control-plane-component"


@pytest.fixture
def leaf() -> Leaf:
    return Authority().workload("web", "x")


@pytest.fixture(autouse=True)
async def pods(kube: Cluster, leaf: Leaf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    monkeypatch.setitem(COMMANDS, "identity", Command("certificates of pods", "linkerd_cli.identity"))

    async def chain(_request: web.Request) -> web.Response:
        return web.Response(text=leaf.chain)

    async def nonsense(_request: web.Request) -> web.Response:
        return web.Response(text="nonsense")

    proxy, spoiled = web.Application(), web.Application()
    proxy.router.add_get(IDENTITY_PATH, chain)
    spoiled.router.add_get(IDENTITY_PATH, nonsense)
    files = leaf.write(tmp_path / "tls")
    context = await asyncio.to_thread(tls.server_context, str(files[0]), str(files[1]))
    runners = [
        await serve(proxy, "127.0.0.1", 0),
        await serve(spoiled, "127.0.0.1", 0),
        await serve(web.Application(), "127.0.0.1", 0, context),
    ]
    ports = [int(runner.addresses[0][1]) for runner in runners]
    kube.add_pod("x", "web-1", {"app": "web"}, spec=PROXY)
    kube.add_pod("x", "web-2", {"app": "web"})
    kube.add_pod("x", "web-3", {"app": "spoiled"}, spec=PROXY)
    kube.add_pod("linkerd", "destination-0", {COMPONENT: "destination"})
    kube.forwards |= {("web-1", 4191): ports[0], ("web-3", 4191): ports[1], ("destination-0", 8086): ports[2]}
    yield
    for runner in runners:
        await runner.cleanup()


@pytest.mark.parametrize("typed", ["web-1", "pod/web-1", "po/web-1"])
async def test_of_a_meshed_pod(terminal: Terminal, leaf: Leaf, typed: str) -> None:
    said = await terminal.linkerd("identity", "-n", "x", typed)
    assert (said.code, said.err) == (0, "")
    assert said.out.startswith("\nPOD web-1 (1 of 1)\n\nCertificate:\n")
    assert f"DNS:{leaf.identity}" in said.out
    assert said.out.endswith("".join(certificate_text(c) for c in x509.load_pem_x509_certificates(leaf.chain.encode())))


async def test_of_several_by_their_labels(terminal: Terminal, leaf: Leaf, kube: Cluster) -> None:
    kube.add_pod("x", "web-4", {"tier": "front"}, spec=PROXY)
    kube.add_pod("x", "web-5", {"tier": "front"}, spec={"initContainers": [{"name": "linkerd-proxy"}]})
    for name in ("web-4", "web-5"):
        kube.forwards[name, 4191] = kube.forwards["web-1", 4191]
    said = await terminal.linkerd("identity", "-n", "x", "-l", "tier=front")
    assert (said.code, said.err) == (0, "")
    assert [line for line in said.out.splitlines() if line.startswith("POD")] == [
        "POD web-4 (1 of 2)",
        "POD web-5 (2 of 2)",
    ]
    assert said.out.count(f"DNS:{leaf.identity}") == 2


async def test_of_a_control_plane_pod(terminal: Terminal, leaf: Leaf) -> None:
    said = await terminal.linkerd("identity", "-n", "linkerd", "-l", f"{COMPONENT}=destination")
    assert (said.code, said.err) == (0, "")
    assert leaf.identity in said.out


async def test_one_that_fails_does_not_hide_the_others(terminal: Terminal, leaf: Leaf) -> None:
    said = await terminal.linkerd("identity", "-n", "x", "-l", "app=web")
    assert said.code == 1
    assert leaf.identity in said.out
    assert "error: this pod is not meshed" in said.out
    said = await terminal.linkerd("identity", "-n", "x", "web-3")
    assert (said.code, "error: the proxy's answer is no certificate" in said.out) == (1, True)


async def test_nothing_there(terminal: Terminal) -> None:
    said = await terminal.linkerd("identity", "-n", "x", "-l", "app=frog")
    assert (said.code, said.err) == (1, "Error: no pod in namespace x has the labels app=frog\n")
    said = await terminal.linkerd("identity", "-n", "x", "frog")
    assert (said.code, said.out) == (1, "")
    assert "frog" in said.err
