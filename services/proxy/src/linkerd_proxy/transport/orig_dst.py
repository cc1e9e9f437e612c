"""Where a redirected connection was going: SO_ORIGINAL_DST of netfilter, for both families."""

import socket
import struct

from linkerd_proxy.addrs import OrigDst, from_socket
from linkerd_runtime.settings import Addr

SO_ORIGINAL_DST = 80
"""linux/netfilter_ipv4.h; IP6T_SO_ORIGINAL_DST has the same number (linux/netfilter_ipv6/ip6_tables.h)."""
_SOCKADDR_IN = struct.Struct("!2xH4s8x")
_SOCKADDR_IN6 = struct.Struct("!2xH4x16s4x")


def original_dst(sock: socket.socket, peer_host: str) -> OrigDst | None:
    """The destination before redirection, or None where netfilter does not know the connection.

    `peer_host` decides which family's table is asked: IPv4 clients of an IPv6 socket are in the IPv4 one.
    """
    try:
        if ":" in peer_host:
            raw = sock.getsockopt(socket.IPPROTO_IPV6, SO_ORIGINAL_DST, _SOCKADDR_IN6.size)
            port, packed = _SOCKADDR_IN6.unpack(raw)
            return OrigDst(Addr(socket.inet_ntop(socket.AF_INET6, packed), port))
        raw = sock.getsockopt(socket.IPPROTO_IP, SO_ORIGINAL_DST, _SOCKADDR_IN.size)
        port, packed = _SOCKADDR_IN.unpack(raw)
        return OrigDst(Addr(socket.inet_ntoa(packed), port))
    except OSError:
        return None


def local_addr(sock: socket.socket) -> OrigDst:
    """The accepted socket's own address: the destination of a connection that nobody redirected."""
    return OrigDst(from_socket(sock.getsockname()))
