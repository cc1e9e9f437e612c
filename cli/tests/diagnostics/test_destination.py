"""Reaching destination."""

from cli.tests.cluster import Cluster
from cli.tests.terminal import Terminal


async def test_not_installed(terminal: Terminal, kube: Cluster) -> None:
    said = await terminal.linkerd("diagnostics", "endpoints", "a:1", "-L", "mesh")
    assert (said.code, said.err) == (1, "Error: destination is not running in namespace mesh: no pod\n")
