"""`linkerd viz check`, and viz's part of `linkerd check`."""

from cli.tests.check.mesh import control_plane
from cli.tests.cluster import Cluster
from cli.tests.terminal import Terminal
from cli.tests.viz.api import Api

from linkerd_contract.viz import StatResponse

VIZ = """linkerd-viz
-----------
{}√ linkerd-viz Namespace exists
√ linkerd-viz ClusterRoles exist
√ linkerd-viz ClusterRoleBindings exist
√ viz extension pods are running
√ viz extension self-check

Status check results are √
"""


async def test_whole(terminal: Terminal, kube: Cluster, api: Api) -> None:
    api.answers["/api/v1/stat"] = StatResponse()
    said = await terminal.linkerd("viz", "check")
    assert (said.code, said.out) == (0, VIZ.format("√ can initialize the client\n"))


async def test_linkerd_check_has_it_too(terminal: Terminal, kube: Cluster, api: Api) -> None:
    control_plane(kube)
    api.answers["/api/v1/stat"] = StatResponse()
    said = await terminal.linkerd("check")
    assert said.code == 0
    assert said.out.endswith("√ namespace configuration for extensions\n\n" + VIZ.format(""))


async def test_not_installed(terminal: Terminal, kube: Cluster) -> None:
    said = await terminal.linkerd("viz", "check")
    assert said.code == 1
    assert "× linkerd-viz Namespace exists\n    namespace linkerd-viz is not there" in said.out


async def test_pods_that_cannot_be_scraped_fail_the_self_check(terminal: Terminal, kube: Cluster, api: Api) -> None:
    api.answers["/api/v1/stat"] = StatResponse(unscraped=["x/a"])
    said = await terminal.linkerd("viz", "check", "--wait", "0")
    assert said.code == 1
    assert "× viz extension self-check\n    metrics that cannot be read: x/a\n" in said.out


async def test_proxy_is_not_there_yet(terminal: Terminal) -> None:
    said = await terminal.linkerd("viz", "check", "--proxy")
    assert (said.code, said.err) == (1, "Error: linkerd viz check --proxy: not implemented\n")
