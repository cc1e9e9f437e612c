"""`linkerd viz prune`, typed."""

import yaml
from cli.tests.cluster import Cluster
from cli.tests.terminal import Terminal

OURS = {"app.kubernetes.io/part-of": "linkerd-viz", "linkerd.io/extension": "viz"}


async def test_nothing_is_left_over(terminal: Terminal, kube: Cluster) -> None:
    kube.install_viz()
    made = {"metadata": {"labels": {"linkerd.io/extension": "viz"}}}
    kube.put("/api/v1/namespaces/linkerd-viz/secrets/made", made)
    said = await terminal.linkerd("viz", "prune")
    assert (said.code, said.out, said.err) == (0, "", "")


async def test_what_this_version_lacks(terminal: Terminal, kube: Cluster) -> None:
    kube.install_viz()
    webhooks = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations"
    kube.put(f"{webhooks}/linkerd-viz-old", {"metadata": {"labels": OURS}})
    kube.put("/api/v1/namespaces/linkerd-viz/services/old", {"metadata": {"labels": OURS}})
    kube.put("/apis/rbac.authorization.k8s.io/v1/clusterroles/linkerd-linkerd-viz-old", {"metadata": {"labels": OURS}})
    said = await terminal.linkerd("viz", "prune")
    found = {(o["kind"], o["metadata"].get("namespace"), o["metadata"]["name"]) for o in yaml.safe_load_all(said.out)}
    assert found == {
        ("MutatingWebhookConfiguration", None, "linkerd-viz-old"),
        ("Service", "linkerd-viz", "old"),
        ("ClusterRole", None, "linkerd-linkerd-viz-old"),
    }
