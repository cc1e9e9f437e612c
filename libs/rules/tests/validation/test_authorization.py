"""Authorizations as they are read; what is refused is in test_registry."""

from linkerd_contract.inbound import AuthnKind
from linkerd_rules.validation.authorization import (
    ServiceAccount,
    read_authorization_policy,
    read_mesh_tls_authentication,
    read_network_authentication,
    read_server_authorization,
)
from linkerd_rules.validation.references import Ref

META = {"name": "a", "namespace": "ns"}


def test_a_server_authorization() -> None:
    client = {"meshTLS": {"serviceAccounts": [{"name": "bot"}, {"name": "x", "namespace": "o"}]}}
    reading = read_server_authorization({"metadata": META, "spec": {"server": {"name": "s"}, "client": client}})
    assert reading.problems == []
    assert reading.value.server == "s"
    assert reading.value.authn is AuthnKind.tls_authenticated
    assert reading.value.accounts == (ServiceAccount("ns", "bot"), ServiceAccount("o", "x"))


def test_what_is_not_readable_authorizes_nobody() -> None:
    assert read_server_authorization({"metadata": META, "spec": {}}).value.authn is AuthnKind.unknown


def test_an_authorization_policy() -> None:
    target = {"group": "policy.linkerd.io", "kind": "Server", "name": "s"}
    required = [{"kind": "ServiceAccount", "name": "bot", "namespace": "o"}]
    reading = read_authorization_policy(
        {"metadata": META, "spec": {"targetRef": target, "requiredAuthenticationRefs": required}}
    )
    assert reading.problems == []
    assert reading.value.target == Ref(group="policy.linkerd.io", kind="Server", namespace="ns", name="s")
    assert reading.value.required == (Ref(group="", kind="ServiceAccount", namespace="o", name="bot"),)


def test_authentications() -> None:
    refs = [{"kind": "ServiceAccount", "name": "bot"}, {"kind": "Namespace", "name": "o"}, {"kind": "Namespace"}]
    mesh = read_mesh_tls_authentication({"metadata": META, "spec": {"identityRefs": refs}})
    assert mesh.problems == []
    assert mesh.value.accounts == (ServiceAccount("ns", "bot"), ServiceAccount("o", ""), ServiceAccount("ns", ""))
    network = read_network_authentication({"metadata": META, "spec": {"networks": [{"cidr": "10.0.0.0/8"}]}})
    assert [n.cidr for n in network.value.networks] == ["10.0.0.0/8"]


def test_a_bad_network_is_not_none() -> None:
    for networks, told in (
        ([{"cidr": "10.0.0.0/99"}], "cidr: '10.0.0.0/99' is not a network"),
        ([], "must not be empty"),
    ):
        found = read_network_authentication({"metadata": META, "spec": {"networks": networks}}).problems
        assert len(found) == 1
        assert told in str(found[0])
