"""Documents of the Kubernetes API."""

from linkerd_contract import codec
from linkerd_kube.client import _warning
from linkerd_kube.errors import Forbidden, from_body
from linkerd_viz.tap import status


def test_a_status_is_read_by_client_libraries() -> None:
    error = from_body(403, codec.encode(status.status(403, "no")))
    assert isinstance(error, Forbidden)
    assert (error.reason, error.message) == ("Forbidden", "no")


def test_discovery_names_the_group_and_its_subresources() -> None:
    assert status.group_list()["groups"][0]["preferredVersion"]["groupVersion"] == "tap.linkerd.io/v1alpha1"
    listed = status.resource_list()
    assert listed["groupVersion"] == "tap.linkerd.io/v1alpha1"
    verbs = {resource["name"]: resource["verbs"] for resource in listed["resources"]}
    assert verbs["deployments/tap"] == verbs["namespaces/tap-headers"] == ["watch"]


def test_warnings_come_back_whole() -> None:
    assert status.warning('a "b" \\ c') == '299 - "a \\"b\\" \\\\ c"'
    assert _warning(status.warning('a "b" \\ c')) == 'a "b" \\ c'
    assert status.warning("a\r\nSet-Cookie: é") == '299 - "a??Set-Cookie: ?"'
