"""The bench's cluster: objects as destination reads real ones, and as many as are claimed."""

from collections.abc import Callable

import pytest
from bench.destination.cluster import PER_SERVICE, Cluster, slice_of

from linkerd_destination.index.objects import Object
from linkerd_destination.watch import decode
from linkerd_destination.watch.custom import KINDS

CLUSTER = Cluster(1000)
CUSTOM = {kind.resource.path(): kind for kind in KINDS}
DECODERS: dict[str, Callable[[bytes], Object]] = {
    "/api/v1/namespaces": decode.namespace,
    "/api/v1/nodes": decode.node,
    "/api/v1/services": decode.service,
    "/api/v1/pods": decode.pod,
    "/apis/discovery.k8s.io/v1/endpointslices": decode.endpoint_slice,
}


@pytest.mark.parametrize("path", CLUSTER.collections)
def test_every_object_is_usable(path: str) -> None:
    collection = CLUSTER.collections[path]
    read = DECODERS.get(path) or CUSTOM[path].decode
    found: list[Object] = [read(collection.item(n).encode()) for n in (0, 1, collection.count - 1)]
    assert len({obj.key for obj in found}) == 3
    assert not any(getattr(obj, "unusable", "") for obj in found)


def test_sizes() -> None:
    assert CLUSTER.collections["/api/v1/pods"].count == 10_000
    assert CLUSTER.policies == 500
    assert Cluster(10_000).policies == 5000


def test_endpoints_are_the_services_pods() -> None:
    read = decode.endpoint_slice(slice_of(7, PER_SERVICE - 1, 5).encode())
    assert (read.service, len(read.endpoints)) == ("svc-7", PER_SERVICE - 1)
    for n, endpoint in enumerate(read.endpoints):
        pod = decode.pod(CLUSTER.collections["/api/v1/pods"].item(7 * PER_SERVICE + n).encode())
        assert endpoint.pod is not None
        assert (endpoint.addresses, endpoint.pod.name, endpoint.pod.uid) == (pod.ips, pod.name, pod.uid)
        assert pod.has_proxy
