"""The kubeconfig of a cluster. PURE."""

import base64
import json


def kubeconfig(server_url: str, ca_pem: str, token: str) -> str:
    """A kubeconfig (JSON, which is YAML) for whoever holds the bearer token."""
    name = "linkerd-sandbox"
    authority = base64.b64encode(ca_pem.encode()).decode()
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": name, "cluster": {"server": server_url, "certificate-authority-data": authority}}],
        "users": [{"name": name, "user": {"token": token}}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
        "current-context": name,
    }
    return json.dumps(document, indent=2) + "\n"
