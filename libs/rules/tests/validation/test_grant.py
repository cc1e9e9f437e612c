"""Which references a grant allows."""

import pytest

from linkerd_rules.validation.grant import read_reference_grant
from linkerd_rules.validation.references import Ref

GROUP = "gateway.networking.k8s.io"


def source(group: str = GROUP, kind: str = "HTTPRoute", namespace: str = "a") -> Ref:
    return Ref(group=group, kind=kind, namespace=namespace, name="r")


def target(kind: str = "Service", namespace: str = "b", name: str = "web") -> Ref:
    return Ref(group="", kind=kind, namespace=namespace, name=name)


@pytest.mark.parametrize(
    ("name", "one", "other", "allowed"),
    [
        ("", source(), target(), True),
        ("web", source(), target(), True),
        ("api", source(), target(), False),
        ("", source(namespace="c"), target(), False),
        ("", source(kind="GRPCRoute"), target(), False),
        ("", source(group="policy.linkerd.io"), target(), False),
        ("", source(), target(namespace="c"), False),
        ("", source(), target(kind="Secret"), False),
    ],
)
def test_allows(name: str, one: Ref, other: Ref, allowed: bool) -> None:
    to = {"kind": "Service", "group": "core", **({"name": name} if name else {})}
    spec = {"from": [{"group": GROUP, "kind": "HTTPRoute", "namespace": "a"}], "to": [to]}
    reading = read_reference_grant({"metadata": {"name": "g", "namespace": "b"}, "spec": spec})
    assert reading.problems == []
    assert reading.value.allows(one, other) is allowed
