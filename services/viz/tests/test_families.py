"""Sides of traffic, and names of identities."""

import pytest

from linkerd_contract.exposition import Labels
from linkerd_viz.families import RESPONSES, TCP_OPEN, project, short_identity


@pytest.mark.parametrize(
    ("family", "labels", "kept"),
    [
        (TCP_OPEN, {"direction": "inbound", "peer": "src"}, True),
        (TCP_OPEN, {"direction": "inbound", "peer": "dst"}, False),
        (TCP_OPEN, {"direction": "outbound", "peer": "dst"}, True),
        (TCP_OPEN, {"direction": "outbound", "peer": "src"}, False),
        (TCP_OPEN, {"peer": "src"}, False),
        (RESPONSES, {"direction": "inbound"}, True),
    ],
)
def test_of_connections_one_side_is_traffic(family: str, labels: Labels, kept: bool) -> None:
    assert (project(family, labels) is not None) is kept


def test_labels_that_no_answer_needs_are_left_out() -> None:
    labels = {"direction": "inbound", "status_code": "200", "target_addr": "10.0.0.1:80", "classification": "success"}
    assert project(RESPONSES, labels) == {"direction": "inbound", "classification": "success"}


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
