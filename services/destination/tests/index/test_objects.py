"""What compares equal is no change."""

import gc

from linkerd_destination.index.objects import Namespace, Pod, PodReference, Service, ServicePort, Slice, SliceEndpoint


def test_keys() -> None:
    assert Namespace(name="ns").key == ("", "ns")
    assert Service(namespace="ns", name="s").key == ("ns", "s")
    assert Slice(namespace="ns", name="s-1", service="s").key == ("ns", "s-1")
    assert Pod(namespace="ns", name="p").key == ("ns", "p")


def test_named_ports() -> None:
    ports = (ServicePort(port=80), ServicePort(port=443, name="https"))
    service = Service(namespace="ns", name="s", ports=ports)
    assert service.named_ports == (("https", 443),)
    assert service.headless
    assert Pod(namespace="ns", name="p", ports=(("", 80), ("http", 81))).named_ports == (("http", 81),)


def test_value_equality() -> None:
    assert Pod(namespace="ns", name="p", ips=("10.0.0.1",)) == Pod(namespace="ns", name="p", ips=("10.0.0.1",))
    assert Pod(namespace="ns", name="p") != Pod(namespace="ns", name="p", deleting=True)


def test_the_garbage_collector_need_not_know_of_them() -> None:
    """A full collection over every object of a large cluster would stop the service for seconds."""
    pod = Pod(namespace="ns", name="p", ips=("10.0.0.1",), labels=(("app", "a"),))
    endpoint = SliceEndpoint(addresses=("10.0.0.1",), pod=PodReference(namespace="ns", name="p"))
    made = (
        pod,
        endpoint,
        Slice(namespace="ns", name="s", service="s", endpoints=(endpoint,)),
        Service(namespace="ns", name="s"),
    )
    assert [gc.is_tracked(one) for one in made] == [False] * 4
