"""`linkerd viz uninstall`."""

import yaml
from cli.tests.cluster import Cluster
from cli.tests.terminal import Terminal


async def test_prints_what_it_left(terminal: Terminal, kube: Cluster) -> None:
    kube.install()
    kube.install_viz()
    said = await terminal.linkerd("viz", "uninstall")
    assert [(o["kind"], o["metadata"]["name"]) for o in yaml.safe_load_all(said.out)] == [
        ("MutatingWebhookConfiguration", "linkerd-tap-injector-webhook-config"),
        ("APIService", "v1alpha1.tap.linkerd.io"),
        ("RoleBinding", "linkerd-linkerd-viz-tap-auth-reader"),
        ("RoleBinding", "linkerd-viz-tap"),
        ("Role", "linkerd-viz-tap"),
        ("ClusterRoleBinding", "linkerd-linkerd-viz-metrics-api"),
        ("ClusterRoleBinding", "linkerd-linkerd-viz-metrics-api-tap-admin"),
        ("ClusterRoleBinding", "linkerd-linkerd-viz-tap"),
        ("ClusterRole", "linkerd-linkerd-viz-metrics-api"),
        ("ClusterRole", "linkerd-linkerd-viz-tap"),
        ("ClusterRole", "linkerd-linkerd-viz-tap-admin"),
        ("ClusterRole", "linkerd-linkerd-viz-tap-headers"),
        ("Namespace", "linkerd-viz"),
    ]


async def test_nothing_to_do(terminal: Terminal, kube: Cluster) -> None:
    said = await terminal.linkerd("viz", "uninstall")
    assert (said.code, said.err) == (1, "Error: no resources found to uninstall\n")
