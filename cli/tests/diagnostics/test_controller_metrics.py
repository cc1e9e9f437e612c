"""`linkerd diagnostics controller-metrics`."""

from cli.tests.cluster import Cluster
from cli.tests.terminal import Terminal
from cli.tests.viz.api import Api


async def test_of_every_pod(terminal: Terminal, kube: Cluster, destination: Api) -> None:
    said = await terminal.linkerd("diagnostics", "controller-metrics")
    assert said.code == 0
    assert said.out == "#\n# POD destination-1 (1 of 1)\n# CONTAINER controller\n#\nup 1\n"


async def test_not_installed(terminal: Terminal, kube: Cluster) -> None:
    said = await terminal.linkerd("diagnostics", "controller-metrics")
    assert (said.code, said.err) == (1, "Error: no control plane pod runs in namespace linkerd\n")
