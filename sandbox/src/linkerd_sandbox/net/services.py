"""From Services and EndpointSlices to virtual addresses and their endpoints, and from those to nft rules. PURE.

One table, replaced in one transaction: a map from (address, protocol, port) to a chain a service port, which picks an
endpoint with `numgen random`. A port without endpoints is rejected at once, from pods (forward) and from the node
(output): a silent drop would cost every client its connect timeout. A pod that reaches itself through a service is
masqueraded, as it would drop an answer from its own address.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from linkerd_kube.objects import JsonObject
from linkerd_sandbox.fields import dig, dig_list, labels_of

TABLE: Final = "linkerd_sandbox"
_PROTOCOLS: Final = {"TCP": "tcp", "UDP": "udp"}


@dataclass(frozen=True, slots=True, order=True)
class VirtualPort:
    """One port of one ClusterIP, and where it leads (IPv4 addresses)."""

    address: str
    protocol: str
    port: int
    name: str
    """namespace/service:port, for people."""
    endpoints: tuple[tuple[str, int], ...]


def usable(slice_: JsonObject) -> list[JsonObject]:
    """The endpoints to send to: the ready ones (no statement counts as ready)."""
    return [e for e in dig_list(slice_, "endpoints") if dig(e, "conditions", "ready") is not False]


def draining(slice_: JsonObject) -> list[JsonObject]:
    """What may serve when nothing is ready: terminating, but still serving."""
    endpoints = dig_list(slice_, "endpoints")
    return [e for e in endpoints if dig(e, "conditions", "terminating") and dig(e, "conditions", "serving")]


def endpoints_of(slices: Iterable[JsonObject], port_name: str, protocol: str) -> tuple[tuple[str, int], ...]:
    """Addresses and target ports behind a service port, found by the port's name."""
    ready: set[tuple[str, int]] = set()
    fallback: set[tuple[str, int]] = set()
    for slice_ in slices:
        if slice_.get("addressType", "IPv4") != "IPv4":
            continue
        for port in dig_list(slice_, "ports"):
            if (port.get("name") or "") != port_name or (port.get("protocol") or "TCP") != protocol:
                continue
            for found, where in ((usable(slice_), ready), (draining(slice_), fallback)):
                where.update(
                    (address, int(port["port"])) for e in found for address in e["addresses"] if "port" in port
                )
    return tuple(sorted(ready or fallback))


def virtual_ports(services: Iterable[JsonObject], slices: Iterable[JsonObject]) -> list[VirtualPort]:
    """Every port of every ClusterIP, in a fixed order."""
    by_service: dict[tuple[str, str], list[JsonObject]] = {}
    for slice_ in slices:
        key = (str(dig(slice_, "metadata", "namespace")), labels_of(slice_).get("kubernetes.io/service-name", ""))
        by_service.setdefault(key, []).append(slice_)
    found: list[VirtualPort] = []
    for service in services:
        address = dig(service, "spec", "clusterIP")
        if not address or address == "None" or ":" in address:
            continue
        key = (str(service["metadata"]["namespace"]), str(service["metadata"]["name"]))
        for port in dig_list(service, "spec", "ports"):
            protocol = str(port.get("protocol") or "TCP")
            if protocol not in _PROTOCOLS:
                continue
            endpoints = endpoints_of(by_service.get(key, []), str(port.get("name") or ""), protocol)
            name = f"{key[0]}/{key[1]}:{port['port']}"
            found.append(VirtualPort(address, _PROTOCOLS[protocol], int(port["port"]), name, endpoints))
    return sorted(found)


def chain_name(port: VirtualPort) -> str:
    """Of the port's chain: unique, and within nft's names."""
    return f"svc_{port.address.replace('.', '_')}_{port.protocol}_{port.port}"


def _elements(keys: Iterable[str]) -> str:
    listed = ",\n      ".join(keys)
    return f"    elements = {{\n      {listed}\n    }}\n" if listed else ""


def _key(port: VirtualPort) -> str:
    return f"{port.address} . {port.protocol} . {port.port}"


def _service_chain(port: VirtualPort) -> str:
    targets = [f"{ip} . {number}" for ip, number in port.endpoints]
    if len(targets) == 1:
        ip, number = port.endpoints[0]
        action = f"dnat ip to {ip}:{number}"
    else:
        listed = ", ".join(f"{index} : {target}" for index, target in enumerate(targets))
        action = f"dnat ip to numgen random mod {len(targets)} map {{ {listed} }}"
    return f"  chain {chain_name(port)} {{\n    meta l4proto {port.protocol} {action}\n  }}\n"


_HOOKS: Final = """\
  chain dispatch {{
    ip daddr {cidr} ip daddr . meta l4proto . th dport vmap @services
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
    ct status dnat ip saddr . ip daddr @hairpin masquerade
  }}
  chain refuse {{
    meta l4proto tcp ip daddr . meta l4proto . th dport @empty reject with tcp reset
    ip daddr . meta l4proto . th dport @empty reject
    ip daddr {cidr} ip daddr != @local reject
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


def render(ports: Iterable[VirtualPort], service_cidr: str, local: Iterable[str]) -> str:
    """The whole ruleset as an nft script; `local` are addresses of the range that the node itself answers."""
    local = set(local)
    ports = [port for port in ports if port.address not in local]
    alive = [port for port in ports if port.endpoints]
    addresses = sorted({ip for port in alive for ip, _ in port.endpoints})
    key_type = "    type ipv4_addr . inet_proto . inet_service"
    parts = [
        f"add table ip {TABLE}\ndelete table ip {TABLE}\ntable ip {TABLE} {{\n",
        *(_service_chain(port) for port in alive),
        f"  map services {{\n{key_type} : verdict\n",
        _elements(f"{_key(port)} : goto {chain_name(port)}" for port in alive),
        f"  }}\n  set empty {{\n{key_type}\n",
        _elements(_key(port) for port in ports if not port.endpoints),
        "  }\n  set hairpin {\n    type ipv4_addr . ipv4_addr\n",
        _elements(f"{ip} . {ip}" for ip in addresses),
        "  }\n  set local {\n    type ipv4_addr\n",
        _elements(sorted(local)),
        "  }\n",
        _HOOKS.format(cidr=service_cidr),
        "}\n",
    ]
    return "".join(parts)
