"""Linkerd's default policies."""

import pytest

from linkerd_contract.outbound import Protocol
from linkerd_rules.policy import InboundPolicy, default_document

WEB = "web.emojivoto.serviceaccount.identity.linkerd.cluster.local"
INSIDE, OUTSIDE = "10.1.2.3", "8.8.8.8"


@pytest.mark.parametrize(
    ("policy", "inside", "outside", "inside_meshed", "outside_meshed"),
    [
        ("all-unauthenticated", True, True, True, True),
        ("all-authenticated", False, False, True, True),
        ("cluster-unauthenticated", True, False, True, False),
        ("cluster-authenticated", False, False, True, False),
        ("deny", False, False, False, False),
        ("audit", True, True, True, True),
    ],
)
def test_who_is_allowed(policy: str, inside: bool, outside: bool, inside_meshed: bool, outside_meshed: bool) -> None:
    rules = InboundPolicy(default_document(policy, ["10.0.0.0/8"])).port(80)
    assert rules.authorize_tcp(INSIDE, None, False).allowed is inside
    assert rules.authorize_tcp(OUTSIDE, None, False).allowed is outside
    assert rules.authorize_tcp(INSIDE, WEB, True).allowed is inside_meshed
    assert rules.authorize_tcp(OUTSIDE, WEB, True).allowed is outside_meshed


def test_labels_and_audit() -> None:
    rules = InboundPolicy(default_document("audit")).port(80)
    verdict = rules.authorize_tcp(INSIDE, None, False)
    assert verdict.audit
    assert (rules.policy.server.group, rules.policy.server.kind, rules.policy.server.name) == ("", "default", "audit")
    assert verdict.resource.name == "audit"


def test_an_unknown_name() -> None:
    with pytest.raises(ValueError, match="allow"):
        default_document("allow")


def test_ports_that_are_opaque_or_need_an_identity() -> None:
    policy = InboundPolicy(
        default_document("all-unauthenticated", opaque_ports=[(25, 26), (443, 443)], identity_ports=[(443, 444)])
    )
    assert [policy.port(port).protocol is Protocol.opaque for port in (24, 25, 26, 443, 444)] == [0, 1, 1, 1, 0]
    for port, stranger in ((25, True), (80, True), (443, False), (444, False)):
        assert policy.port(port).authorize_tcp("10.0.0.1", None, False).allowed is stranger
        assert policy.port(port).authorize_tcp("10.0.0.1", "web.id", True).allowed
    shut = InboundPolicy(default_document("deny", identity_ports=[(443, 443)]))
    assert not shut.port(443).authorize_tcp("10.0.0.1", "web.id", True).allowed
