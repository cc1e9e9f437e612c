"""The kubeconfig that kubectl gets."""

import base64

import yaml

from linkerd_sandbox.kubeconfig import kubeconfig


def test_one_cluster_one_user() -> None:
    found = yaml.safe_load(kubeconfig("https://127.0.0.1:1", "PEM", "t"))
    (cluster,), (user,) = found["clusters"], found["users"]
    assert cluster["cluster"]["server"] == "https://127.0.0.1:1"
    assert base64.b64decode(cluster["cluster"]["certificate-authority-data"]) == b"PEM"
    assert user["user"] == {"token": "t"}
    assert found["current-context"] == found["contexts"][0]["name"]
