"""`linkerd uninstall`."""

import yaml
from cli.tests.cluster import Cluster
from cli.tests.terminal import Terminal


async def test_prints_the_clusters_part_of_the_installation(terminal: Terminal, kube: Cluster) -> None:
    kube.install()
    said = await terminal.linkerd("uninstall")
    assert said.code == 0
    found = [(o["kind"], o["metadata"]["name"]) for o in yaml.safe_load_all(said.out)]
    assert ("Namespace", "linkerd") in found
    assert ("MutatingWebhookConfiguration", "linkerd-proxy-injector-webhook-config") in found
    assert ("CustomResourceDefinition", "serviceprofiles.linkerd.io") in found
    assert sum(kind == "ClusterRole" for kind, _ in found) == 3
    assert found[-1][0] == "Namespace"


async def test_nothing_to_do(terminal: Terminal, kube: Cluster) -> None:
    said = await terminal.linkerd("uninstall")
    assert (said.code, said.err) == (1, "Error: no resources found to uninstall\n")


async def test_refuses_while_extensions_are_there_or_pods_meshed(terminal: Terminal, kube: Cluster) -> None:
    kube.install()
    kube.install_viz()
    said = await terminal.linkerd("uninstall")
    assert (said.code, said.out) == (1, "")
    assert said.err == "Error: extensions are still installed: viz; uninstall them first, or use --force\n"
    kube.remove("/api/v1/namespaces/linkerd-viz")
    kube.add_pod("emojivoto", "web", {"linkerd.io/control-plane-ns": "linkerd"})
    said = await terminal.linkerd("uninstall")
    assert "1 pods are still meshed, such as emojivoto/web" in said.err
    assert (await terminal.linkerd("uninstall", "--force")).code == 0
