"""Reaching the cluster: what can go wrong is one line."""

import pytest
from cli.tests.cluster import Cluster
from cli.tests.terminal import Terminal


async def test_no_kubeconfig(terminal: Terminal) -> None:
    said = await terminal.linkerd("uninstall")
    assert (said.code, said.out) == (1, "")
    assert said.err.startswith("Error: no cluster to talk to: ")
    assert said.err.count("\n") == 1


async def test_an_api_server_that_is_away(terminal: Terminal) -> None:
    terminal.connect("http://127.0.0.1:1")
    said = await terminal.linkerd("uninstall")
    assert said.code == 1
    assert said.err.startswith("Error: cannot reach the Kubernetes API: ")
    assert said.err.count("\n") == 1


@pytest.mark.parametrize("place", ["before", "after"])
async def test_context_and_kubeconfig_before_or_after_the_command(
    terminal: Terminal, kube: Cluster, place: str
) -> None:
    kube.install()
    flags = ["--kubeconfig", terminal.environment.pop("KUBECONFIG"), "--context", "main"]
    said = await terminal.linkerd(*([*flags, "version"] if place == "before" else ["version", *flags]))
    assert said.out == "Client version: 0.1.0\nServer version: 0.1.0\n"


async def test_an_unknown_context(terminal: Terminal, kube: Cluster) -> None:
    said = await terminal.linkerd("uninstall", "--context", "other")
    assert said.code == 1
    assert said.err.count("\n") == 1


async def test_what_the_api_refuses_is_one_line(terminal: Terminal, kube: Cluster) -> None:
    kube.refuse["GET /api/v1/namespaces"] = 403
    said = await terminal.linkerd("uninstall")
    assert (said.code, said.err) == (1, "Error: Scripted\n")


async def test_impersonation(terminal: Terminal, kube: Cluster) -> None:
    kube.install()
    assert (await terminal.linkerd("version", "--as", "jane", "--as-group", "dev")).out.count("0.1.0") == 2
