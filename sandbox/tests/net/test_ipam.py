"""Addresses are handed out in turn."""

import pytest

from linkerd_sandbox.net.ipam import AddressesExhausted, Ipam


def test_a_freed_address_is_not_the_next_one() -> None:
    ipam = Ipam("10.42.0.0/24")
    assert ipam.node_ips == ("10.42.0.1",)
    assert [ipam.take(), ipam.take()] == [("10.42.0.2",), ("10.42.0.3",)]
    ipam.free(("10.42.0.2",))
    assert ipam.take() == ("10.42.0.4",)


def test_every_address_is_used_once_and_then_none_is_left() -> None:
    ipam = Ipam("10.42.0.0/29")
    taken = {ipam.take() for _ in range(5)}
    assert taken == {(f"10.42.0.{n}",) for n in range(2, 7)}
    with pytest.raises(AddressesExhausted, match="all 5"):
        ipam.take()
    ipam.free(("10.42.0.5",))
    assert ipam.take() == ("10.42.0.5",)


def test_two_families_go_together() -> None:
    ipam = Ipam("10.42.0.0/24", "fd00:10:42::/112")
    assert ipam.node_ips == ("10.42.0.1", "fd00:10:42::1")
    assert ipam.take() == ("10.42.0.2", "fd00:10:42::2")
    ipam.free(("10.42.0.2", "fd00:10:42::2"))
    assert ipam.take() == ("10.42.0.3", "fd00:10:42::3")
