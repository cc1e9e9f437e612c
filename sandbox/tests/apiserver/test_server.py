"""The server as a whole: its files and its first objects."""

import stat
from typing import Any

Cluster = Any


async def test_secrets_are_readable_by_their_owner_only(cluster: Cluster) -> None:
    directory = cluster.directory / "pki"
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    for name in ("apiserver.key", "sa.key"):
        assert stat.S_IMODE((directory / name).stat().st_mode) == 0o600


async def test_first_objects(cluster: Cluster) -> None:
    _, found = await cluster.api("GET", "/api/v1/namespaces")
    assert [item["metadata"]["name"] for item in found["items"]] == [
        "default",
        "kube-node-lease",
        "kube-public",
        "kube-system",
    ]
    _, service = await cluster.api("GET", "/api/v1/namespaces/default/services/kubernetes")
    assert service["spec"]["clusterIP"] == "10.43.0.1"
    _, slices = await cluster.api("GET", "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices/kubernetes")
    assert slices["endpoints"][0]["addresses"] == ["127.0.0.1"]
    code, _ = await cluster.api("GET", "/apis/rbac.authorization.k8s.io/v1/clusterroles/cluster-admin")
    assert code == 200
