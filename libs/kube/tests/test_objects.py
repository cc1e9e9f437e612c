"""References to objects."""

from linkerd_kube import ObjectRef


def test_of_an_object() -> None:
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "namespace": "ns", "uid": "u"}}
    assert ObjectRef.of(pod) == ObjectRef("Pod", "p", "ns", "u", "v1")
    assert ObjectRef.of({}) == ObjectRef("", "")
