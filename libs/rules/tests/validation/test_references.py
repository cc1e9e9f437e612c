"""References, networks, identities."""

from typing import Any

import pytest

from linkerd_contract.inbound import Network
from linkerd_rules.validation.fields import Fields, Problem
from linkerd_rules.validation.references import Ref, read_identities, read_networks, read_ref


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"kind": "K", "name": "n"}, Ref(group="", kind="K", namespace="ns", name="n")),
        ({"group": "core", "name": "n"}, Ref(group="", kind="D", namespace="ns", name="n")),
        ({"group": "g", "name": "n", "namespace": "o"}, Ref(group="g", kind="D", namespace="o", name="n")),
    ],
)
def test_references(fields: dict[str, Any], expected: Ref) -> None:
    problems: list[Problem] = []
    kind = "" if "kind" in fields else "D"
    assert read_ref(Fields(fields, "r", problems), "ns", "", kind) == expected
    assert problems == []


def test_networks() -> None:
    problems: list[Problem] = []
    value = {"networks": [{"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16"]}, {"cidr": "::/0"}, {"cidr": "10.0.0.1"}]}
    found = read_networks(Fields(value, "s", problems), "networks")
    assert found == [Network("10.0.0.0/8", ["10.1.0.0/16"]), Network("::/0"), Network("10.0.0.1/32")]
    assert problems == []


@pytest.mark.parametrize(
    ("identity", "good"),
    [
        ("*", True),
        ("*.ns.serviceaccount.identity.linkerd.cluster.local", True),
        ("web.ns.serviceaccount.identity.linkerd.cluster.local", True),
        ("spiffe://root.linkerd.cluster.local/ns/a/sa/b", True),
        ("web.*", False),
        ("Web", False),
        ("a b", False),
        ("a." * 130 + "a", False),
    ],
)
def test_identities(identity: str, good: bool) -> None:
    problems: list[Problem] = []
    assert read_identities(Fields({"identities": [identity]}, "s", problems), "identities") == (identity,)
    assert (problems == []) is good
