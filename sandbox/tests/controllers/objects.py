"""Pods for controllers' tests."""

from linkerd_kube.objects import JsonObject


def a_pod(name: str, *, ready: bool = True, **changes: object) -> JsonObject:
    """A placed pod that runs; `changes` go into its metadata."""
    condition = {
        "type": "Ready",
        "status": "True" if ready else "False",
        "lastTransitionTime": "2026-01-01T00:00:00Z",
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "default", "uid": name, "labels": {"app": "web"}, **changes},
        "spec": {
            "nodeName": "sandbox",
            "containers": [{"name": "c", "ports": [{"name": "http", "containerPort": 8080}]}],
        },
        "status": {"phase": "Running", "podIP": f"10.42.0.{sum(name.encode()) % 250}", "conditions": [condition]},
    }
