"""`linkerd diagnostics proxy-metrics`."""

import pytest
from cli.tests.cluster import Cluster
from cli.tests.terminal import Terminal
from cli.tests.viz.api import Api

PROXY = {"containers": [{"name": "linkerd-proxy"}]}


@pytest.fixture(autouse=True)
def web(kube: Cluster) -> None:
    """A deployment with a meshed pod and one that is not."""
    kube.put("/apis/apps/v1/namespaces/x/deployments/web", {"spec": {"selector": {"matchLabels": {"app": "web"}}}})
    kube.put("/api/v1/namespaces/x/services/web", {"spec": {"selector": {"app": "web"}}})
    kube.put("/api/v1/namespaces/x/services/none", {"spec": {}})
    kube.add_pod("x", "web-1", {"app": "web"}, spec=PROXY)
    kube.add_pod("x", "web-2", {"app": "web"})


@pytest.mark.parametrize("resource", ["deploy/web", "svc/web", "po/web-1"])
async def test_of_the_meshed_pods(terminal: Terminal, destination: Api, resource: str) -> None:
    said = await terminal.linkerd("diagnostics", "proxy-metrics", "-n", "x", resource)
    assert (said.code, said.err) == (0, "")
    assert said.out == "#\n# POD web-1 (1 of 1)\n# CONTAINER linkerd-proxy\n#\nup 1\n"


@pytest.mark.parametrize(
    ("resource", "told"),
    [
        ("po/web-2", "pod/web-2 in namespace x has no running meshed pod"),
        ("deploy/frog", 'deployments "frog" not found'),
        ("svc/none", "service/none: has no label selector"),
        ("ns/x", "namespace: has no pods of its own"),
        ("deploy", "deploy: write KIND/NAME"),
    ],
)
async def test_bad_input_is_one_line(terminal: Terminal, kube: Cluster, resource: str, told: str) -> None:
    said = await terminal.linkerd("diagnostics", "proxy-metrics", "-n", "x", resource)
    assert (said.code, said.out, said.err) == (1, "", f"Error: {told}\n")
