"""`linkerd viz list`."""

from cli.tests.cluster import Cluster
from cli.tests.terminal import Terminal
from cli.tests.viz.api import Api

from linkerd_contract.viz import PodRow, PodsResponse

WEB = PodRow("emojivoto", "web-1", "deployment/web", "Running", True, True, "0.1.0")
OLD = PodRow("emojivoto", "old-1", "deployment/old", "Running")


async def test_meshed_pods(terminal: Terminal, kube: Cluster, api: Api) -> None:
    api.answers["/api/v1/pods"] = PodsResponse([OLD, WEB])
    said = await terminal.linkerd("viz", "list", "-n", "emojivoto")
    assert (said.code, said.err) == (0, "")
    assert said.out == ("NAMESPACE   POD     STATUS    TAP   PROXY\nemojivoto   web-1   Running   yes   0.1.0\n")
    assert api.asked == [{"namespace": "emojivoto"}]


async def test_one_that_cannot_be_read_says_why(terminal: Terminal, kube: Cluster, api: Api) -> None:
    broken = PodRow("emojivoto", "web-2", "deployment/web", "Running", True, False, "0.1.0", "HTTP 503")
    api.answers["/api/v1/pods"] = PodsResponse([WEB, broken])
    said = await terminal.linkerd("viz", "list", "-A")
    assert [line.split()[5:] for line in said.out.splitlines()] == [["METRICS"], ["√"], ["HTTP", "503"]]


async def test_none(terminal: Terminal, kube: Cluster, api: Api) -> None:
    api.answers["/api/v1/pods"] = PodsResponse([OLD])
    said = await terminal.linkerd("viz", "list")
    assert (said.code, said.out, said.err) == (0, "", "No meshed pods found.\n")
