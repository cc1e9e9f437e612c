"""rtnetlink messages as rtnetlink(7) lays them out, and what the kernel says to a bad one."""

import struct

import pytest

from linkerd_sandbox.net import netlink


def test_attributes_are_padded() -> None:
    assert netlink.attribute(3, b"lo\0") == b"\x07\x00\x03\x00lo\x00\x00"


def test_headers_carry_the_whole_length() -> None:
    for message in (
        netlink.link_up(1),
        netlink.add_address(1, "10.42.0.1"),
        netlink.add_route(1, "10.43.0.0/16", source="10.42.0.1"),
        netlink.add_address(1, "fd00::1"),
        netlink.add_route(1, "::/0", gateway="fe80::1"),
        netlink.new_veth("veth0", "eth0", 9, 65000),
    ):
        length, _, flags, sequence, _ = struct.unpack_from("=IHHII", message)
        assert length == len(message)
        assert flags & 5 == 5, "a request that is acknowledged"
        assert sequence == 1


def test_the_default_route_has_no_destination() -> None:
    message = netlink.add_route(2, "0.0.0.0/0", gateway="169.254.1.1")
    assert message[16:18] == b"\x02\x00", "AF_INET, prefix length 0"
    assert netlink.attribute(5, b"\xa9\xfe\x01\x01") in message
    assert netlink.attribute(1, b"\0\0\0\0") not in message


@pytest.mark.root
def test_the_kernel_s_refusal_names_what_failed() -> None:
    with netlink.Netlink() as socket, pytest.raises(OSError, match="nothing up"):
        socket.request(netlink.link_up(2**30), "nothing up")
