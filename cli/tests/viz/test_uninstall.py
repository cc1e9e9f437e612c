"""`linkerd viz uninstall`."""

import yaml
from cli.tests.cluster import Cluster
from cli.tests.terminal import Terminal


async def test_prints_what_it_left(terminal: Terminal, kube: Cluster) -> None:
    kube.install()
    kube.install_viz()
    said = await terminal.linkerd("viz", "uninstall")
    assert [(o["kind"], o["metadata"]["name"]) for o in yaml.safe_load_all(said.out)] == [
        ("ClusterRoleBinding", "linkerd-linkerd-viz-metrics-api"),
        ("ClusterRole", "linkerd-linkerd-viz-metrics-api"),
        ("Namespace", "linkerd-viz"),
    ]


async def test_nothing_to_do(terminal: Terminal, kube: Cluster) -> None:
    said = await terminal.linkerd("viz", "uninstall")
    assert (said.code, said.err) == (1, "Error: no resources found to uninstall\n")
