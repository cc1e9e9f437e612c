"""`linkerd prune`, typed."""

import yaml
from cli.tests.cluster import Cluster
from cli.tests.terminal import Terminal

from linkerd_cli.install.rendered import CONTROL_PLANE_HA

OURS = {"app.kubernetes.io/part-of": "linkerd", "linkerd.io/control-plane-ns": "linkerd"}


async def test_nothing_is_left_over(terminal: Terminal, kube: Cluster) -> None:
    kube.install()
    kube.put(
        "/api/v1/namespaces/linkerd/secrets/made", {"metadata": {"labels": {"linkerd.io/control-plane-ns": "linkerd"}}}
    )
    said = await terminal.linkerd("prune")
    assert (said.code, said.out, said.err) == (0, "", "")


async def test_what_this_version_lacks(terminal: Terminal, kube: Cluster) -> None:
    kube.install(CONTROL_PLANE_HA)
    kube.put("/api/v1/namespaces/linkerd/services/linkerd-old", {"metadata": {"labels": OURS}})
    kube.put("/apis/rbac.authorization.k8s.io/v1/clusterroles/linkerd-old", {"metadata": {"labels": OURS}})
    said = await terminal.linkerd("prune")
    found = {(o["kind"], o["metadata"].get("namespace"), o["metadata"]["name"]) for o in yaml.safe_load_all(said.out)}
    assert found == {
        ("Service", "linkerd", "linkerd-old"),
        ("ClusterRole", None, "linkerd-old"),
        ("PodDisruptionBudget", "linkerd", "linkerd-dst"),
        ("PodDisruptionBudget", "linkerd", "linkerd-identity"),
        ("PodDisruptionBudget", "linkerd", "linkerd-proxy-injector"),
    }
