"""linkerd-viz: which namespace counts as viz's. Its checks are run by viz/test_check."""

from cli.tests.check.asking import problems_of
from cli.tests.check.mesh import control_plane
from cli.tests.cluster import Cluster
from cli.tests.terminal import Terminal


async def test_a_namespace_of_that_name_without_the_label_is_not_vizs(terminal: Terminal, kube: Cluster) -> None:
    control_plane(kube)
    kube.put("/api/v1/namespaces/linkerd-viz", {})
    assert await problems_of(terminal) == {}
