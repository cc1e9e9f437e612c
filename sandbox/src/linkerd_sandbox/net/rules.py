"""The service proxy's rules as an nft script: one table an address family, replaced in one transaction. PURE.

A map leads from (address, protocol, port) to a chain a service port, which picks an endpoint with `numgen random`. A
port without endpoints is rejected at once, from pods (forward) and from the node (output): a silent drop would cost
every client its connect timeout. A pod that reaches itself through a service is masqueraded, as it would drop an answer
from its own address.

Session affinity: each endpoint of such a port has a set of clients that forget themselves, as in kube-proxy's nftables
mode. The sets outlive a replacement of the rules: the first script of a process makes the tables anew, later ones
empty everything else and delete what is not wanted any more.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from linkerd_sandbox.net.services import VirtualPort, family_of

TABLE: Final = "linkerd_sandbox"
_MAPS: Final = ("map services", "set empty", "set hairpin", "set local")


@dataclass(frozen=True, slots=True)
class Family:
    """How nft speaks of an address family."""

    name: str
    table: str
    """Of the table, and of the header's fields."""
    key: str
    cidr: str
    """Of the ClusterIPs."""
    local: frozenset[str]
    """Addresses of that range that the node itself answers."""


def families(cidrs: Sequence[str], local: Sequence[str]) -> list[Family]:
    """Of the ranges of ClusterIPs."""
    words = {"IPv4": ("ip", "ipv4_addr"), "IPv6": ("ip6", "ipv6_addr")}
    found: list[Family] = []
    for cidr in cidrs:
        name = family_of(cidr)
        own = frozenset(address for address in local if family_of(address) == name)
        found.append(Family(name, *words[name], cidr, own))
    return found


@dataclass(frozen=True, slots=True)
class Names:
    """Chains and sets that exist for the sake of services, in one table."""

    chains: frozenset[str] = frozenset()
    sets: frozenset[str] = frozenset()


def _word(address: str) -> str:
    return address.replace(".", "_").replace(":", "_")


def chain_name(port: VirtualPort) -> str:
    """Of the port's chain: unique, and within nft's names."""
    return f"svc_{_word(port.address)}_{port.protocol}_{port.port}"


def _endpoint_name(prefix: str, port: VirtualPort, endpoint: tuple[str, int]) -> str:
    return f"{prefix}_{_word(port.address)}_{port.protocol}_{port.port}_{_word(endpoint[0])}_{endpoint[1]}"


def _sticky(ports: Iterable[VirtualPort]) -> list[tuple[VirtualPort, tuple[str, int]]]:
    return [(port, endpoint) for port in ports if port.affinity_seconds for endpoint in port.endpoints]


def names(ports: Iterable[VirtualPort]) -> Names:
    """What `render` makes for these ports."""
    alive = [port for port in ports if port.endpoints]
    chains = {chain_name(port) for port in alive}
    chains |= {_endpoint_name("ep", port, endpoint) for port, endpoint in _sticky(alive)}
    return Names(frozenset(chains), frozenset(_endpoint_name("aff", *one) for one in _sticky(alive)))


def _elements(keys: Iterable[str]) -> str:
    listed = ",\n      ".join(keys)
    return f"    elements = {{\n      {listed}\n    }}\n" if listed else ""


def _key(port: VirtualPort) -> str:
    return f"{port.address} . {port.protocol} . {port.port}"


def _target(family: Family, endpoint: tuple[str, int]) -> str:
    address = f"[{endpoint[0]}]" if family.table == "ip6" else endpoint[0]
    return f"dnat {family.table} to {address}:{endpoint[1]}"


def _plain_chain(family: Family, port: VirtualPort) -> str:
    if len(port.endpoints) == 1:
        action = _target(family, port.endpoints[0])
    else:
        targets = [f"{index} : {ip} . {number}" for index, (ip, number) in enumerate(port.endpoints)]
        action = f"dnat {family.table} to numgen random mod {len(targets)} map {{ {', '.join(targets)} }}"
    return f"  chain {chain_name(port)} {{\n    meta l4proto {port.protocol} {action}\n  }}\n"


def _sticky_chains(family: Family, port: VirtualPort) -> str:
    """A known client goes where it was; the others are remembered where they come to."""
    source = f"{family.table} saddr"
    parts: list[str] = []
    for endpoint in port.endpoints:
        clients, chain = _endpoint_name("aff", port, endpoint), _endpoint_name("ep", port, endpoint)
        remember = f"update @{clients} {{ {source} timeout {port.affinity_seconds}s }}"
        parts.append(f"  set {clients} {{\n    type {family.key}\n    flags dynamic,timeout\n  }}\n")
        parts.append(
            f"  chain {chain} {{\n    {remember}\n    meta l4proto {port.protocol} {_target(family, endpoint)}\n  }}\n"
        )
    known = [
        f"    {source} @{_endpoint_name('aff', port, one)} goto {_endpoint_name('ep', port, one)}\n"
        for one in port.endpoints
    ]
    places = ", ".join(f"{index} : goto {_endpoint_name('ep', port, one)}" for index, one in enumerate(port.endpoints))
    pick = f"    numgen random mod {len(port.endpoints)} vmap {{ {places} }}\n"
    return "".join([*parts, f"  chain {chain_name(port)} {{\n", *known, pick, "  }\n"])


_HOOKS: Final = """\
  chain dispatch {{
    {ip} daddr {cidr} {ip} daddr . meta l4proto . th dport vmap @services
  }}
  chain prerouting {{
    type nat hook prerouting priority dstnat; policy accept;
    jump dispatch
  }}
  chain output {{
    type nat hook output priority -100; policy accept;
    jump dispatch
  }}
  chain postrouting {{
    type nat hook postrouting priority srcnat; policy accept;
    ct status dnat {ip} saddr . {ip} daddr @hairpin masquerade
  }}
  chain refuse {{
    meta l4proto tcp {ip} daddr . meta l4proto . th dport @empty reject with tcp reset
    {ip} daddr . meta l4proto . th dport @empty reject
    {ip} daddr {cidr} {ip} daddr != @local reject
  }}
  chain forward {{
    type filter hook forward priority filter; policy accept;
    jump refuse
  }}
  chain reject_output {{
    type filter hook output priority filter; policy accept;
    jump refuse
  }}
"""


def _clearing(family: Family, wanted: Names, before: Names | None) -> str:
    """What goes before the new rules: everything at the first time, else all but the clients of session affinity."""
    table = f"{family.table} {TABLE}"
    if before is None:
        return f"add table {table}\ndelete table {table}\n"
    lines = [f"flush table {table}"]
    lines += [f"flush {kind.split()[0]} {table} {kind.split()[1]}" for kind in _MAPS]
    lines += [f"delete chain {table} {name}" for name in sorted(before.chains - wanted.chains)]
    lines += [f"delete set {table} {name}" for name in sorted(before.sets - wanted.sets)]
    return "\n".join(lines) + "\n"


def render(ports: Iterable[VirtualPort], family: Family, before: Names | None = None) -> str:
    """The rules of one family as an nft script; `before`: what this process has loaded last."""
    ports = [port for port in ports if port.family == family.name and port.address not in family.local]
    alive = [port for port in ports if port.endpoints]
    addresses = sorted({ip for port in alive for ip, _ in port.endpoints})
    key_type = f"    type {family.key} . inet_proto . inet_service"
    parts = [
        _clearing(family, names(ports), before),
        f"table {family.table} {TABLE} {{\n",
        *(_sticky_chains(family, port) if port.affinity_seconds else _plain_chain(family, port) for port in alive),
        f"  map services {{\n{key_type} : verdict\n",
        _elements(f"{_key(port)} : goto {chain_name(port)}" for port in alive),
        f"  }}\n  set empty {{\n{key_type}\n",
        _elements(_key(port) for port in ports if not port.endpoints),
        f"  }}\n  set hairpin {{\n    type {family.key} . {family.key}\n",
        _elements(f"{ip} . {ip}" for ip in addresses),
        f"  }}\n  set local {{\n    type {family.key}\n",
        _elements(sorted(family.local)),
        "  }\n",
        _HOOKS.format(cidr=family.cidr, ip=family.table),
        "}\n",
    ]
    return "".join(parts)
