"""A pod's network: a namespace of its own, one veth, a /32 address, and the node as its only neighbour.

With IPv6, the gateway is fe80::1, an address of the node's end of every veth.

No bridge: each pod is a routed host. On a bridge a ClusterIP in the same subnet would be answered past the rules unless
bridge netfilter is on. The pod's default gateway 169.254.1.1 is an address of the node's loopback, which answers ARP on
every link. Namespaces are held by open descriptors, so they end when the supervisor does.
"""

import contextlib
import os
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from linkerd_sandbox.net import kernel
from linkerd_sandbox.net.netlink import Netlink, add_address, add_route, delete_link, link_up, new_veth

GATEWAY: Final = "169.254.1.1"
GATEWAY6: Final = "fe80::1"
MTU: Final = 65000  # nothing leaves the machine: large segments cost the fewest packets
_LOOPBACK_INDEX: Final = 1
_NODE_SYSCTLS: Final = {
    "net/ipv4/ip_forward": "1",
    "net/ipv4/conf/all/rp_filter": "0",
    "net/ipv4/conf/default/rp_filter": "0",
    "net/ipv4/conf/all/send_redirects": "0",  # hairpin traffic leaves by the link it came from
    "net/ipv4/conf/default/send_redirects": "0",
    "net/ipv4/ip_unprivileged_port_start": "0",
}
_NODE_SYSCTLS6: Final = {"net/ipv6/conf/all/disable_ipv6": "0", "net/ipv6/conf/all/forwarding": "1"}
_POD_SYSCTLS6: Final = {"net/ipv6/conf/all/disable_ipv6": "0", "net/ipv6/conf/default/disable_ipv6": "0"}
# containerd's defaults for pods
_POD_SYSCTLS: Final = {"net/ipv4/ip_unprivileged_port_start": "0", "net/ipv4/ping_group_range": "0 2147483647"}


@dataclass(slots=True)
class PodNamespaces:
    """Descriptors of a pod's namespaces, in the order that `init` enters them."""

    net: int
    uts: int
    ipc: int
    link: str
    """The node's end of the veth."""
    ips: tuple[str, ...]

    def close(self) -> None:
        """Lets the namespaces go; the link is removed at once, as connections of the dead may hold the namespace."""
        with contextlib.suppress(OSError), Netlink() as netlink:
            netlink.request(delete_link(socket.if_nametoindex(self.link)), f"delete {self.link}")
        for fd in (self.net, self.uts, self.ipc):
            os.close(fd)


def _sysctl(settings: dict[str, str]) -> None:
    for name, value in settings.items():
        with contextlib.suppress(OSError), open(f"/proc/sys/{name}", "w") as file:  # noqa: PTH123
            file.write(value)


def set_up_node(addresses: Sequence[str], service_cidrs: Sequence[str]) -> None:
    """Once, in the sandbox's network namespace: loopback, node addresses, forwarding, routes for the service ranges.

    `addresses`: the node's own first, by family; each range's route prefers the first address of its family.

    The route lets the node itself reach ClusterIPs (the API server calls webhooks): a packet needs a route before the
    output hook can rewrite its destination.
    """
    _sysctl(_NODE_SYSCTLS)
    if len(service_cidrs) > 1:
        _sysctl(_NODE_SYSCTLS6)
    with Netlink() as netlink:
        netlink.request(link_up(_LOOPBACK_INDEX), "loopback up")
        for address in (*addresses, GATEWAY):
            netlink.request(add_address(_LOOPBACK_INDEX, address), f"address {address}")
        for cidr in service_cidrs:
            source = next(address for address in addresses if (":" in address) == (":" in cidr))
            netlink.request(add_route(_LOOPBACK_INDEX, cidr, source=source), f"route {cidr}")


def create(link: str, hostname: str, ips: tuple[str, ...], node_ips: Sequence[str]) -> PodNamespaces:
    """Makes a pod's namespaces and its link; about 1 ms, most of it the kernel's."""

    def build() -> PodNamespaces:
        kernel.unshare(kernel.CLONE_NEWNET | kernel.CLONE_NEWUTS | kernel.CLONE_NEWIPC)
        kernel.sethostname(hostname)
        _sysctl(_POD_SYSCTLS | (_POD_SYSCTLS6 if len(ips) > 1 else {}))
        net, uts, ipc = (os.open(f"/proc/thread-self/ns/{kind}", os.O_RDONLY) for kind in ("net", "uts", "ipc"))
        return PodNamespaces(net, uts, ipc, link, ips)

    pod = _in_thread(build)
    try:
        with Netlink() as netlink:
            netlink.request(new_veth(link, "eth0", pod.net, MTU), f"link {link}")
            there = socket.if_nametoindex(link)
            for ip, node_ip in zip(ips, node_ips, strict=True):
                if ":" in ip:
                    netlink.request(add_address(there, GATEWAY6), f"address {GATEWAY6}")
                netlink.request(add_route(there, _host(ip), source=node_ip), f"route to {ip}")
        with inside(pod.net), Netlink() as netlink:
            index = socket.if_nametoindex("eth0")
            netlink.request(link_up(_LOOPBACK_INDEX), "loopback up")
            netlink.request(link_up(index), "eth0 up")
            for ip in ips:
                gateway, everything = (GATEWAY6, "::/0") if ":" in ip else (GATEWAY, "0.0.0.0/0")
                netlink.request(add_address(index, ip), f"address {ip}")
                netlink.request(add_route(index, _host(gateway)), "route to the gateway")
                netlink.request(add_route(index, everything, gateway=gateway), "default route")
    except BaseException:
        pod.close()
        raise
    return pod


def _host(address: str) -> str:
    return f"{address}/128" if ":" in address else f"{address}/32"


def _in_thread(build: Callable[[], PodNamespaces]) -> PodNamespaces:
    """Namespaces belong to threads: the one that made them ends, and the descriptors keep them."""
    results: list[PodNamespaces | BaseException] = []

    def body() -> None:
        try:
            results.append(build())
        except BaseException as error:  # noqa: BLE001 - handed to the caller
            results.append(error)

    thread = threading.Thread(target=body)
    thread.start()
    thread.join()
    result = results[0]
    if isinstance(result, BaseException):
        raise result
    return result


_node_namespace: list[int] = []


@contextlib.contextmanager
def inside(namespace_fd: int) -> Iterator[None]:
    """This thread is in another network namespace for the block, which must not await: 11 us there and back."""
    if not _node_namespace:
        _node_namespace.append(os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC))
    kernel.setns(namespace_fd, kernel.CLONE_NEWNET)
    try:
        yield
    finally:
        kernel.setns(_node_namespace[0], kernel.CLONE_NEWNET)


def socket_in(namespace_fd: int) -> socket.socket:
    """A TCP socket that lives in the pod's namespace, non-blocking, to connect from the loop."""
    with inside(namespace_fd):
        return socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
