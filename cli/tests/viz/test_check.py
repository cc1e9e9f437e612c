"""`linkerd viz check`, and viz's part of `linkerd check`."""

from cli.tests.check.mesh import control_plane
from cli.tests.cluster import Cluster
from cli.tests.terminal import Terminal
from cli.tests.viz.api import Api

from linkerd_contract.problem import Problem
from linkerd_contract.viz import PodRow, PodsResponse, StatResponse

VIZ = """linkerd-viz
-----------
{}√ linkerd-viz Namespace exists
√ linkerd-viz ClusterRoles exist
√ linkerd-viz ClusterRoleBindings exist
√ tap API service is running
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


async def test_proxy_names_pods_that_are_not_measured(terminal: Terminal, kube: Cluster, api: Api) -> None:
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


async def test_proxy_of_a_namespace_that_is_not_there(terminal: Terminal, kube: Cluster, api: Api) -> None:
    api.answers["/api/v1/stat"] = StatResponse()
    said = await terminal.linkerd("viz", "check", "--proxy", "-n", "gone")
    assert said.code == 1
    assert '× data plane namespace exists\n    The "gone" namespace does not exist\n' in said.out
    assert (await terminal.linkerd("viz", "check", "-n", "x")).err.endswith("is of use with --proxy only\n")


async def test_a_prometheus_that_is_away_is_a_warning_of_its_own(terminal: Terminal, kube: Cluster, api: Api) -> None:
    pod = kube.objects["/api/v1/namespaces/linkerd-viz/pods/metrics-api-1"]
    pod["spec"]["containers"][0]["env"] = [{"name": "LINKERD_VIZ_PROMETHEUS_URL", "value": "http://p:9090"}]
    cause = "the Prometheus at http://p:9090 cannot be asked: refused"
    api.answers["/api/v1/stat"] = Problem("Measurements unavailable", 503, "unavailable", cause)
    said = await terminal.linkerd("viz", "check", "--wait", "0")
    assert said.code == 1
    assert f"‼ prometheus is installed and configured correctly\n    {cause}\n" in said.out
    api.answers["/api/v1/stat"] = StatResponse()
    said = await terminal.linkerd("viz", "check")
    assert "√ prometheus is installed and configured correctly\n√ viz extension self-check\n" in said.out


async def test_a_tap_that_the_api_server_cannot_reach(terminal: Terminal, kube: Cluster, api: Api) -> None:
    api.answers["/api/v1/stat"] = StatResponse()
    path = "/apis/apiregistration.k8s.io/v1/apiservices/v1alpha1.tap.linkerd.io"
    condition = {"type": "Available", "status": "False", "message": "no endpoints"}
    kube.put(path, {**kube.objects[path], "status": {"conditions": [condition]}})
    said = await terminal.linkerd("viz", "check", "--wait", "0")
    assert said.code == 1
    assert "× tap API service is running\n    APIService v1alpha1.tap.linkerd.io: no endpoints\n" in said.out
    kube.remove(path)
    said = await terminal.linkerd("viz", "check", "--wait", "0")
    assert "    APIService v1alpha1.tap.linkerd.io is not there\n" in said.out
