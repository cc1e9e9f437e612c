"""Upstream's own emojivoto, as its users apply it, on this mesh. Its images are pulled, so only on a real cluster."""

import json
import os

import pytest
from tests.e2e.cluster import Cluster, until

MANIFEST = os.environ.get("E2E_UPSTREAM", "")
NAMESPACE = "emojivoto"
DEPLOYMENTS = ("emoji", "vote-bot", "voting", "web")


@pytest.mark.skipif(not MANIFEST, reason="E2E_UPSTREAM names no manifest (make e2e CLUSTER=kind does)")
def test_emojivoto_is_meshed_while_it_runs(mesh: Cluster) -> None:
    mesh.run("kubectl", "apply", "-f", MANIFEST, seconds=120)
    try:
        mesh.await_available(NAMESPACE, *DEPLOYMENTS, seconds=300)
        mesh.run("sh", "-c", f"kubectl get -n {NAMESPACE} deploy -o yaml | linkerd inject - | kubectl apply -f -")
        mesh.await_available(NAMESPACE, *DEPLOYMENTS, seconds=300)
        mesh.run("sh", "-c", "linkerd viz install | kubectl apply -f -")
        mesh.await_available("linkerd-viz", "metrics-api", seconds=120)

        def secured() -> set[tuple[str, str]]:
            shown = mesh.run("linkerd", "viz", "edges", "deployment", "-n", NAMESPACE, "-o", "json", check=False)
            rows = json.loads(shown.stdout) if shown.returncode == 0 else []
            return {(row["src"], row["dst"]) for row in rows if not row["no_tls_reason"]}

        until(
            lambda: secured() >= {("vote-bot", "web"), ("web", "emoji"), ("web", "voting")}, 120, "every edge secured"
        )
    finally:
        mesh.run("kubectl", "delete", "namespace", NAMESPACE, "--ignore-not-found", seconds=180, check=False)
        mesh.run("sh", "-c", "linkerd viz uninstall | kubectl delete --ignore-not-found -f -", seconds=180, check=False)
