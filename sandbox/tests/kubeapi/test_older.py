"""v1beta1 for callers that know v1 only."""

import pytest

from linkerd_kube.objects import JsonObject
from linkerd_sandbox.kubeapi import older


@pytest.mark.parametrize(
    ("path", "wanted"),
    [
        ("/apis/discovery.k8s.io/v1/endpointslices", "/apis/discovery.k8s.io/v1beta1/endpointslices"),
        (
            "/apis/discovery.k8s.io/v1/namespaces/n/endpointslices/x",
            "/apis/discovery.k8s.io/v1beta1/namespaces/n/endpointslices/x",
        ),
        ("/apis/batch/v1/namespaces/n/cronjobs/x/status", "/apis/batch/v1beta1/namespaces/n/cronjobs/x/status"),
        ("/apis/batch/v1/namespaces/n/jobs/x", "/apis/batch/v1/namespaces/n/jobs/x"),
        ("/apis/policy/v1/poddisruptionbudgets", "/apis/policy/v1beta1/poddisruptionbudgets"),
        ("/apis/apps/v1/deployments", "/apis/apps/v1/deployments"),
        ("/api/v1/namespaces/n/pods/cronjobs", "/api/v1/namespaces/n/pods/cronjobs"),
        ("/apis/batch/v1", "/apis/batch/v1"),
    ],
)
def test_paths(path: str, wanted: str) -> None:
    assert older.path_of(path) == wanted


def test_an_endpoint_slice_there_and_back() -> None:
    endpoint: JsonObject = {"addresses": ["10.42.0.2"], "nodeName": "sandbox", "zone": "local"}
    slice_: JsonObject = {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {"name": "s"},
        "endpoints": [endpoint, {"addresses": ["10.42.0.3"]}],
    }
    there = older.older(slice_)
    assert isinstance(there, dict)
    assert there["apiVersion"] == "discovery.k8s.io/v1beta1"
    assert there["endpoints"] == [
        {"addresses": ["10.42.0.2"], "nodeName": "sandbox", "topology": {"topology.kubernetes.io/zone": "local"}},
        {"addresses": ["10.42.0.3"]},
    ]
    assert older.newer(there) == slice_
    assert slice_["endpoints"][0] is endpoint  # the caller's object is left alone


def test_what_has_no_older_form_stays() -> None:
    job: JsonObject = {"apiVersion": "batch/v1", "kind": "Job"}
    bodies: list[JsonObject] = [job, {"apiVersion": "v1", "kind": "Pod"}, {"subsets": []}]
    for body in bodies:
        assert older.older(body) == body
        assert older.newer(body) == body
    patch = [{"op": "remove", "path": "/spec"}]
    assert older.older(patch) is patch
