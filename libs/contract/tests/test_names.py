"""Identity names, as Linkerd forms them."""

from linkerd_contract.names import identity_name, issuer_name


def test_identity_names() -> None:
    assert identity_name("web", "emojivoto") == "web.emojivoto.serviceaccount.identity.linkerd.cluster.local"
    assert identity_name("a", "b", "mesh", "example.org") == "a.b.serviceaccount.identity.mesh.example.org"
    assert issuer_name() == "identity.linkerd.cluster.local"
