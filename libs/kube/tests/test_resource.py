"""URL paths."""

import pytest

from linkerd_kube import resources


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (resources.PODS.path(), "/api/v1/pods"),
        (resources.PODS.path("ns"), "/api/v1/namespaces/ns/pods"),
        (resources.PODS.path("ns", "p", "log"), "/api/v1/namespaces/ns/pods/p/log"),
        (resources.NAMESPACES.path(None, "ns"), "/api/v1/namespaces/ns"),
        (resources.NAMESPACES.path("ignored", "ns"), "/api/v1/namespaces/ns"),
        (resources.LEASES.path("ns", "a b"), "/apis/coordination.k8s.io/v1/namespaces/ns/leases/a%20b"),
    ],
)
def test_path(path: str, expected: str) -> None:
    assert path == expected


def test_paths_that_mean_nothing() -> None:
    with pytest.raises(ValueError, match="namespace"):
        resources.PODS.path(None, "p")
    with pytest.raises(ValueError, match="name"):
        resources.PODS.path("ns", None, "log")


def test_api_version() -> None:
    assert resources.PODS.api_version == "v1"
    assert resources.LEASES.api_version == "coordination.k8s.io/v1"
    assert str(resources.LEASES) == "leases.coordination.k8s.io"
    assert str(resources.PODS) == "pods"
