"""PURE: sets of ports as annotations write them: numbers, ranges, and names of ports ("80,8000-8100,grpc")."""

import re
from dataclasses import dataclass
from functools import lru_cache

from linkerd_contract.durations import parse_ports, port_in
from linkerd_destination.index.objects import NamedPorts

# IANA_SVC_NAME: what Kubernetes allows as a port's name.
_NAME = re.compile(r"(?=.*[a-z])[a-z0-9](-?[a-z0-9])*")


@dataclass(frozen=True, slots=True)
class PortSet:
    """Ranges, both ends included."""

    ranges: list[tuple[int, int]]

    def __contains__(self, port: int) -> bool:
        return port_in(self.ranges, port)

    def numbers(self, at_most: int) -> list[int]:
        """Every port of the ranges that are not longer than `at_most`."""
        return [p for low, high in self.ranges if high - low < at_most for p in range(low, high + 1)]


EMPTY = PortSet([])


@lru_cache(maxsize=4096)  # a cluster has few different annotations and very many pods
def port_set(text: str, named: NamedPorts = ()) -> PortSet:
    """The ports; names are looked up in `named`, and one that is not there adds nothing.

    Raises ValueError where the text is neither: Linkerd ignores the whole value then.
    """
    ranges: list[tuple[int, int]] = []
    for part in (p.strip() for p in text.split(",")):
        if _NAME.fullmatch(part):
            ranges += [(port, port) for name, port in named if name == part]
        else:
            ranges += parse_ports(part)
    return PortSet(ranges)


def first_valid(named: NamedPorts, *texts: str | None) -> PortSet:
    """The first of the annotations that is set and can be read."""
    for text in texts:
        if text is None:
            continue
        try:
            return port_set(text, named)
        except ValueError:
            continue
    return EMPTY
