"""Pod addresses: the next free ones of each range, so that a fresh pod does not get an address just freed. PURE.

With two ranges (dual stack) a pod has the same place in both.
"""

import ipaddress
from collections.abc import Sequence


class AddressesExhausted(Exception):
    """Every address of the range is taken."""


class Ipam:
    """Hands out host addresses of the networks in turn; the first of each is the node's and never handed out."""

    def __init__(self, *cidrs: str) -> None:
        self._networks = [ipaddress.ip_network(cidr) for cidr in cidrs]
        self._count = min(network.num_addresses for network in self._networks) - 3
        self._next = 0
        self._taken: set[tuple[str, ...]] = set()
        self.node_ips = self._at(-1)

    def _at(self, place: int) -> tuple[str, ...]:
        return tuple(str(network[place + 2]) for network in self._networks)

    def take(self) -> tuple[str, ...]:
        """One address of each network. Raises AddressesExhausted."""
        for _ in range(self._count):
            addresses = self._at(self._next)
            self._next = (self._next + 1) % self._count
            if addresses not in self._taken:
                self._taken.add(addresses)
                return addresses
        raise AddressesExhausted(f"all {self._count} pod addresses are in use")

    def free(self, addresses: Sequence[str]) -> None:
        self._taken.discard(tuple(addresses))
