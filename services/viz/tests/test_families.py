"""Sides of traffic, and names of identities."""

import pytest

from linkerd_viz.families import inbound, outbound, short_identity


@pytest.mark.parametrize(
    ("labels", "is_inbound", "is_outbound"),
    [
        ({"direction": "inbound"}, True, False),
        ({"direction": "inbound", "peer": "src"}, True, False),
        ({"direction": "inbound", "peer": "dst"}, False, False),
        ({"direction": "outbound", "peer": "dst"}, False, True),
        ({"direction": "outbound", "peer": "src"}, False, False),
        ({}, False, False),
    ],
)
def test_sides(labels: dict[str, str], is_inbound: bool, is_outbound: bool) -> None:
    assert (inbound(labels), outbound(labels)) == (is_inbound, is_outbound)


@pytest.mark.parametrize(
    ("name", "short"),
    [
        ("web.emojivoto.serviceaccount.identity.linkerd.cluster.local", "web.emojivoto"),
        ("spiffe://x/y", "spiffe://x/y"),
        ("", ""),
    ],
)
def test_short_identity(name: str, short: str) -> None:
    assert short_identity(name) == short
