"""A type for every kind of address: mixing up whom a connection came from and where it was going is a type error.

All of them are (host, port) with the host a numeric IP, IPv6 without brackets; `str` writes "ip:port" or "[ip]:port".
IPv4-mapped IPv6 addresses are written as the IPv4 address they stand for.
"""

from ipaddress import IPv6Address, ip_address
from typing import NewType

from linkerd_runtime.settings import Addr, parse_addr

ClientAddr = NewType("ClientAddr", Addr)
"""The peer of an accepted connection."""
OrigDst = NewType("OrigDst", Addr)
"""Where the client was going before iptables redirected it (SO_ORIGINAL_DST)."""
ServerAddr = NewType("ServerAddr", Addr)
"""What a connection is made to: an endpoint, or the application."""


def server_addr(text: str) -> ServerAddr:
    """Of "ip:port" or "[ip]:port". Raises ValueError, for a host that is a name too."""
    addr = parse_addr(text)
    ip_address(addr.host)
    return ServerAddr(addr)


def unmapped(host: str) -> str:
    """A numeric host with ::ffff:a.b.c.d written as a.b.c.d, and without a zone index."""
    host = host.partition("%")[0]
    if host.startswith("::ffff:"):
        mapped = IPv6Address(host).ipv4_mapped
        if mapped is not None:
            return str(mapped)
    return host


def from_socket(name: tuple[object, ...]) -> Addr:
    """The address in what getsockname, getpeername or accept returned, of either family."""
    host, port = name[0], name[1]
    if not isinstance(host, str) or not isinstance(port, int):
        raise TypeError(f"{name!r} is not an internet address")
    return Addr(unmapped(host), port)


def is_loopback(host: str) -> bool:
    """Whether a numeric host is this machine's loopback."""
    return ip_address(host).is_loopback
