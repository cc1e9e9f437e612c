"""Whose addresses an event's are."""

from services.viz.tests.mesh import emojivoto, pod

from linkerd_contract.tap import TapDirection, TapEvent, TapPeer
from linkerd_viz.inventory import Inventory
from linkerd_viz.tap.naming import Names


def test_both_ends() -> None:
    event = TapEvent(
        TapDirection.inbound, TapPeer("10.42.0.3", 1, {"tls": "true"}), TapPeer("10.42.0.2", 2), base=1, stream=0
    )
    found = Names.of(emojivoto()).named(event)
    assert found.source.metadata == {
        "pod": "emoji-1-a",
        "namespace": "emojivoto",
        "replicaset": "emoji-1",
        "deployment": "emoji",
        "serviceaccount": "web",
        "tls": "true",
    }
    assert found.destination.metadata["deployment"] == "web"
    assert (found.source.port, found.base) == (1, 1)


def test_unknown_and_shared_addresses_name_nobody() -> None:
    inventory = Inventory(
        pods=[pod("a", ip="10.0.0.1"), pod("b", ip="10.0.0.1"), pod("c", ip="10.0.0.2", phase="Failed")]
    )
    event = TapEvent(TapDirection.outbound, TapPeer("10.0.0.1", 1), TapPeer("10.0.0.2", 2), base=1, stream=0)
    assert Names.of(inventory).named(event) == event
