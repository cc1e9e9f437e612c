"""Several pods, one of which does not answer."""

from cli.tests.cluster import Cluster
from cli.tests.terminal import Terminal
from cli.tests.viz.api import Api


async def test_one_that_does_not_answer_does_not_hide_the_others(
    terminal: Terminal, kube: Cluster, destination: Api
) -> None:
    kube.add_pod("linkerd", "dead-1", {"linkerd.io/control-plane-component": "identity"})
    said = await terminal.linkerd("diagnostics", "controller-metrics")
    assert said.code == 1
    assert said.out.startswith("#\n# POD dead-1 (1 of 2)\n# CONTAINER controller\n#\n# ERROR ")
    assert said.out.endswith("# POD destination-1 (2 of 2)\n# CONTAINER controller\n#\nup 1\n")
    assert said.err.startswith("Error: ")
    assert "dead-1" in said.err
