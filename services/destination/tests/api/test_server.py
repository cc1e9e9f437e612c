"""Who a certificate says the client is. (The rest of the server is tested in test_app, over real TLS.)"""

import pytest

from linkerd_destination.api.server import parse_identity
from linkerd_destination.index.config import ClusterConfig


@pytest.mark.parametrize(
    ("identity", "expected"),
    [
        ("web.emojivoto.serviceaccount.identity.linkerd.cluster.local", ("web", "emojivoto")),
        ("a.b.ns.serviceaccount.identity.linkerd.cluster.local", ("a.b", "ns")),
        ("web.emojivoto.serviceaccount.identity.other.cluster.local", None),
        ("web.emojivoto.serviceaccount.identity.linkerd.example.org", None),
        ("emojivoto.serviceaccount.identity.linkerd.cluster.local", None),
        (".emojivoto.serviceaccount.identity.linkerd.cluster.local", None),
        ("serviceaccount.identity.linkerd.cluster.local", None),
        ("example.com", None),
        ("", None),
    ],
)
def test_identity(identity: str, expected: tuple[str, str] | None) -> None:
    assert parse_identity(identity, ClusterConfig()) == expected
