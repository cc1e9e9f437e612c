"""Servers as they are read; what is refused is in test_registry."""

from linkerd_contract.outbound import Protocol
from linkerd_rules.validation.selector import Selector
from linkerd_rules.validation.server import labels_of, read_server


def test_a_server() -> None:
    reading = read_server(
        {
            "metadata": {"name": "s", "namespace": "ns", "labels": {"b": "1", "a": "2"}},
            "spec": {"podSelector": {"matchLabels": {"app": "web"}}, "port": "http", "proxyProtocol": "HTTP/2"},
        }
    )
    assert reading.problems == []
    server = reading.value
    assert server.key == ("ns", "s")
    assert server.pods == Selector(labels=(("app", "web"),))
    assert (server.port, server.protocol, server.access_policy) == ("http", Protocol.http2, "deny")
    assert server.labels == (("a", "2"), ("b", "1"))


def test_a_server_of_external_workloads_selects_no_pods() -> None:
    assert read_server({"spec": {"externalWorkloadSelector": {}, "port": 1}}).value.pods is None


def test_labels_of_what_has_none() -> None:
    assert labels_of({}) == labels_of([]) == labels_of({"metadata": None}) == ()
