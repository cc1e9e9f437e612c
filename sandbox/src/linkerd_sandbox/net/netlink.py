"""rtnetlink: links, addresses, routes. Messages are built PURE (`link_up` … return bytes); `Netlink` sends them.

Cheaper than running `ip` for each pod (one system call against a process), and one dependency less. Formats:
rtnetlink(7), linux/if_link.h, linux/veth.h. All numbers are in the machine's byte order.
"""

import os
import socket
import struct
from typing import Final

_NLM_F_REQUEST, _NLM_F_ACK, _NLM_F_EXCL, _NLM_F_CREATE = 0x1, 0x4, 0x200, 0x400
_NEWLINK, _DELLINK, _NEWADDR, _NEWROUTE = 16, 17, 20, 24
_NLMSG_ERROR: Final = 2
_IFLA_IFNAME, _IFLA_MTU, _IFLA_LINKINFO, _IFLA_NET_NS_FD = 3, 4, 18, 28
_IFLA_INFO_KIND, _IFLA_INFO_DATA, _VETH_INFO_PEER = 1, 2, 1
_IFA_ADDRESS, _IFA_LOCAL = 1, 2
_RTA_DST, _RTA_OIF, _RTA_GATEWAY, _RTA_PREFSRC = 1, 4, 5, 7
_IFF_UP: Final = 1
_IFA_F_NODAD: Final = 0x02
_SCOPE_UNIVERSE, _SCOPE_LINK = 0, 253
_TABLE_MAIN, _PROTOCOL_STATIC, _UNICAST = 254, 4, 1
_HEADER: Final = struct.Struct("=IHHII")
_IFINFO: Final = struct.Struct("=BxHiII")


def attribute(kind: int, value: bytes) -> bytes:
    length = 4 + len(value)
    return struct.pack("=HH", length, kind) + value + bytes(-length % 4)


def _text(kind: int, value: str) -> bytes:
    return attribute(kind, value.encode() + b"\0")


def message(kind: int, flags: int, body: bytes) -> bytes:
    """One request that asks for an acknowledgement; the sequence number is always 1."""
    return _HEADER.pack(16 + len(body), kind, _NLM_F_REQUEST | _NLM_F_ACK | flags, 1, 0) + body


def new_veth(name: str, peer: str, peer_namespace_fd: int, mtu: int) -> bytes:
    """A veth pair: `name` here and up, `peer` in the other namespace, down."""
    peer_attributes = _text(_IFLA_IFNAME, peer) + attribute(_IFLA_NET_NS_FD, struct.pack("=i", peer_namespace_fd))
    peer_attributes += attribute(_IFLA_MTU, struct.pack("=I", mtu))
    peer_info = _IFINFO.pack(0, 0, 0, 0, 0) + peer_attributes
    info = _text(_IFLA_INFO_KIND, "veth") + attribute(_IFLA_INFO_DATA, attribute(_VETH_INFO_PEER, peer_info))
    body = _IFINFO.pack(0, 0, 0, _IFF_UP, _IFF_UP) + _text(_IFLA_IFNAME, name)
    body += attribute(_IFLA_MTU, struct.pack("=I", mtu)) + attribute(_IFLA_LINKINFO, info)
    return message(_NEWLINK, _NLM_F_CREATE | _NLM_F_EXCL, body)


def link_up(index: int) -> bytes:
    return message(_NEWLINK, 0, _IFINFO.pack(0, 0, index, _IFF_UP, _IFF_UP))


def delete_link(index: int) -> bytes:
    return message(_DELLINK, 0, _IFINFO.pack(0, 0, index, 0, 0))


def _packed(address: str) -> tuple[int, bytes]:
    """(family, bytes) of an address."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return family, socket.inet_pton(family, address)


def add_address(index: int, address: str) -> bytes:
    """A /32 or /128 on a link; of IPv6 without asking whether somebody else has it, as nobody can."""
    family, packed = _packed(address)
    flags = _IFA_F_NODAD if family == socket.AF_INET6 else 0
    scope = _SCOPE_LINK if address.startswith("fe80:") else _SCOPE_UNIVERSE
    body = struct.pack("=BBBBI", family, len(packed) * 8, flags, scope, index)
    body += attribute(_IFA_LOCAL, packed) + attribute(_IFA_ADDRESS, packed)
    return message(_NEWADDR, _NLM_F_CREATE | _NLM_F_EXCL, body)


def add_route(index: int, destination: str, *, gateway: str = "", source: str = "") -> bytes:
    """A route to "ADDRESS/n" through a link, by `gateway` when given, else on the link; `source` is preferred."""
    network, _, length = destination.partition("/")
    family, packed = _packed(network)
    scope = _SCOPE_UNIVERSE if gateway or family == socket.AF_INET6 else _SCOPE_LINK
    body = struct.pack("=BBBBBBBBI", family, int(length), 0, 0, _TABLE_MAIN, _PROTOCOL_STATIC, scope, _UNICAST, 0)
    if int(length):
        body += attribute(_RTA_DST, packed)
    if gateway:
        body += attribute(_RTA_GATEWAY, _packed(gateway)[1])
    if source:
        body += attribute(_RTA_PREFSRC, _packed(source)[1])
    return message(_NEWROUTE, _NLM_F_CREATE | _NLM_F_EXCL, body + attribute(_RTA_OIF, struct.pack("=I", index)))


class Netlink:
    """A socket into the network namespace where it was made. Each request is answered within microseconds."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.NETLINK_ROUTE)
        self._socket.bind((0, 0))

    def __enter__(self) -> "Netlink":
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def request(self, data: bytes, what: str) -> None:
        """Sends one message and reads its acknowledgement. Raises OSError that says `what` failed."""
        self._socket.send(data)
        answer = self._socket.recv(65536)
        kind = _HEADER.unpack_from(answer)[1]
        number = -struct.unpack_from("=i", answer, _HEADER.size)[0] if kind == _NLMSG_ERROR else 0
        if number:
            raise OSError(number, f"{what}: {os.strerror(number)}")
