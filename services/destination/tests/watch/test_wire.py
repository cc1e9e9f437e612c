"""The narrow structs skip what they do not name."""

import msgspec

from linkerd_destination.watch import wire


def test_what_is_not_named_is_skipped_whatever_it_is() -> None:
    raw = b'{"metadata":{"name":"n","managedFields":[{"x":1}]},"spec":{"finalizers":["k"]},"status":7}'
    read = msgspec.json.decode(raw, type=wire.Namespace)
    assert (read.metadata.name, read.metadata.label("a"), read.metadata.annotation("a")) == ("n", "", None)


def test_kubernetes_own_spelling() -> None:
    raw = b'{"metadata":{"name":"n"},"spec":{"clusterIP":"a","clusterIPs":["a"]}}'
    assert msgspec.json.decode(raw, type=wire.Service).spec.cluster_ips == ["a"]
    raw = b'{"metadata":{"name":"n"},"status":{"podIP":"a","podIPs":[{"ip":"a"}]}}'
    assert msgspec.json.decode(raw, type=wire.Pod).status.pod_ip == "a"
