"""Authorization: networks, authentication, identities and suffixes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkerd_contract.inbound import AuthnKind, Authorization, Network
from linkerd_contract.resource import ResourceRef
from linkerd_rules.policy.authz import MAX_REMEMBERED, Authorizer

SERVER = ResourceRef("policy.linkerd.io", "server", "emojivoto", "web")
ANYONE, TLS, MESHED = AuthnKind.unauthenticated, AuthnKind.tls_unauthenticated, AuthnKind.tls_authenticated
WEB = "web.emojivoto.serviceaccount.identity.linkerd.cluster.local"
SPIFFE = "spiffe://root/emojivoto.serviceaccount.identity.linkerd.cluster.local"
SUFFIX = "emojivoto.serviceaccount.identity.linkerd.cluster.local"


def allowed(authorization: Authorization, ip: str = "10.0.0.1", identity: str | None = None, tls: bool = False) -> bool:
    return Authorizer([authorization], SERVER).authorize(ip, identity, tls).allowed


@pytest.mark.parametrize(
    ("authorization", "identity", "tls", "expected"),
    [
        (Authorization(), None, False, True),
        (Authorization(authn=TLS), None, False, False),
        (Authorization(authn=TLS), None, True, True),
        (Authorization(authn=MESHED), WEB, True, False),
        (Authorization(authn=MESHED, identities=["*"]), WEB, True, True),
        (Authorization(authn=MESHED, identities=["*"]), None, True, False),
        (Authorization(authn=MESHED, identities=["*"]), None, False, False),
        (Authorization(authn=MESHED, identities=[WEB]), WEB, True, True),
        (Authorization(authn=MESHED, identities=[WEB]), "x" + WEB, True, False),
        (Authorization(authn=MESHED, suffixes=[SUFFIX]), WEB, True, True),
        (Authorization(authn=MESHED, suffixes=["." + SUFFIX]), WEB, True, True),
        (Authorization(authn=MESHED, suffixes=["voto" + SUFFIX[9:]]), WEB, True, False),
        (Authorization(authn=MESHED, suffixes=[SUFFIX]), SUFFIX, True, False),
        (Authorization(authn=MESHED, suffixes=[SUFFIX]), SPIFFE, True, False),
        (Authorization(authn=MESHED, identities=[SPIFFE]), SPIFFE, True, True),
        (Authorization(authn=AuthnKind.unknown, identities=["*"]), WEB, True, False),
    ],
)
def test_authentication(authorization: Authorization, identity: str | None, tls: bool, expected: bool) -> None:
    assert allowed(authorization, identity=identity, tls=tls) is expected


@pytest.mark.parametrize(
    ("ip", "expected"),
    [
        ("10.0.0.1", True),
        ("10.1.0.1", False),
        ("10.1.2.1", False),
        ("192.168.0.1", False),
        ("::ffff:10.0.0.1", True),
        ("fd00::1", True),
        ("fe80::1", False),
    ],
)
def test_networks(ip: str, expected: bool) -> None:
    networks = [Network("10.0.0.0/8", ["10.1.0.0/16"]), Network("fd00::/8")]
    assert allowed(Authorization(networks=networks), ip) is expected


@pytest.mark.parametrize("network", [Network("10.0.0.0/99"), Network("nonsense"), Network("10.0.0.0/8", ["x"])])
def test_a_bad_network_authorizes_nobody(network: Network) -> None:
    assert not allowed(Authorization(networks=[network]))


def test_the_first_that_fits_is_named_and_a_denial_names_the_server() -> None:
    first = Authorization(ResourceRef(name="first"), authn=MESHED, identities=[WEB])
    second = Authorization(ResourceRef(name="second"), networks=[Network("10.0.0.0/8")], audit=True)
    authorizer = Authorizer([first, second], SERVER)
    assert authorizer.authorize("10.0.0.1", WEB, True) == (True, first.resource, False)
    assert authorizer.authorize("10.0.0.1", None, False) == (True, second.resource, True)
    assert authorizer.authorize("11.0.0.1", None, False) == (False, SERVER, False)
    assert not Authorizer([], SERVER).authorize("10.0.0.1", WEB, True).allowed


@given(st.lists(st.integers(0, 2**32 - 1), max_size=20))
def test_memory_gives_the_same_answers(addresses: list[int]) -> None:
    networks = Authorization(networks=[Network("128.0.0.0/1")])
    authorizer = Authorizer([networks], SERVER)
    for address in addresses * 2:
        ip = ".".join(str(byte) for byte in address.to_bytes(4, "big"))
        assert authorizer.authorize(ip, None, False).allowed is (address >= 2**31)


def test_memory_is_bounded() -> None:
    authorizer = Authorizer([Authorization()], SERVER)
    for number in range(MAX_REMEMBERED + 10):
        assert authorizer.authorize(f"10.0.{number // 256}.{number % 256}", None, False).allowed
    assert len(authorizer._remembered) <= MAX_REMEMBERED
