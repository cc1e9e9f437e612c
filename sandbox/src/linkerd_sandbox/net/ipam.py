"""Pod addresses: the next free one of 10.42.0.0/24, so that a fresh pod does not get an address just freed. PURE."""

import ipaddress


class AddressesExhausted(Exception):
    """Every address of the range is taken."""


class Ipam:
    """Hands out host addresses of a network in turn; the first is the node's and never handed out."""

    def __init__(self, cidr: str) -> None:
        network = ipaddress.IPv4Network(cidr)
        self._first = int(network.network_address) + 2
        self._count = network.num_addresses - 3
        self._next = 0
        self._taken: set[str] = set()
        self.node_ip = str(network.network_address + 1)

    def take(self) -> str:
        for _ in range(self._count):
            address = str(ipaddress.IPv4Address(self._first + self._next))
            self._next = (self._next + 1) % self._count
            if address not in self._taken:
                self._taken.add(address)
                return address
        raise AddressesExhausted(f"all {self._count} pod addresses are in use")

    def free(self, address: str) -> None:
        self._taken.discard(address)
