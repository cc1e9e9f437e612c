"""From Services and EndpointSlices to virtual addresses, and where they lead. PURE; `rules` makes nft's text of it."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from linkerd_kube.objects import JsonObject
from linkerd_sandbox.fields import dig, dig_list, labels_of

_PROTOCOLS: Final = {"TCP": "tcp", "UDP": "udp"}
_AFFINITY_SECONDS: Final = 10800  # Kubernetes' default


@dataclass(frozen=True, slots=True, order=True)
class VirtualPort:
    """One port of one ClusterIP, and where it leads: addresses of the same family."""

    address: str
    protocol: str
    port: int
    name: str
    """namespace/service:port, for people."""
    endpoints: tuple[tuple[str, int], ...]
    affinity_seconds: int = 0
    """How long a client that said nothing stays with its endpoint (sessionAffinity: ClientIP); 0: it does not."""

    @property
    def family(self) -> str:
        return family_of(self.address)


def family_of(address: str) -> str:
    """IPv4 or IPv6, as Kubernetes writes it."""
    return "IPv6" if ":" in address else "IPv4"


def cluster_ips(service: JsonObject) -> list[str]:
    """Of both families; none where it is headless or an ExternalName."""
    listed = dig_list(service, "spec", "clusterIPs") or [dig(service, "spec", "clusterIP")]
    return [str(address) for address in listed if address and address != "None"]


def usable(slice_: JsonObject) -> list[JsonObject]:
    """The endpoints to send to: the ready ones (no statement counts as ready)."""
    return [e for e in dig_list(slice_, "endpoints") if dig(e, "conditions", "ready") is not False]


def draining(slice_: JsonObject) -> list[JsonObject]:
    """What may serve when nothing is ready: terminating, but still serving."""
    endpoints = dig_list(slice_, "endpoints")
    return [e for e in endpoints if dig(e, "conditions", "terminating") and dig(e, "conditions", "serving")]


def endpoints_of(
    slices: Iterable[JsonObject], port_name: str, protocol: str, family: str
) -> tuple[tuple[str, int], ...]:
    """Addresses and target ports behind a service port, found by the port's name."""
    ready: set[tuple[str, int]] = set()
    fallback: set[tuple[str, int]] = set()
    for slice_ in slices:
        if slice_.get("addressType", "IPv4") != family:
            continue
        for port in dig_list(slice_, "ports"):
            if (port.get("name") or "") != port_name or (port.get("protocol") or "TCP") != protocol:
                continue
            for found, where in ((usable(slice_), ready), (draining(slice_), fallback)):
                where.update(
                    (address, int(port["port"])) for e in found for address in e["addresses"] if "port" in port
                )
    return tuple(sorted(ready or fallback))


def _affinity_seconds(service: JsonObject) -> int:
    if dig(service, "spec", "sessionAffinity") != "ClientIP":
        return 0
    return int(dig(service, "spec", "sessionAffinityConfig", "clientIP", "timeoutSeconds") or _AFFINITY_SECONDS)


def virtual_ports(services: Iterable[JsonObject], slices: Iterable[JsonObject]) -> list[VirtualPort]:
    """Every port of every ClusterIP, in a fixed order."""
    by_service: dict[tuple[str, str], list[JsonObject]] = {}
    for slice_ in slices:
        key = (str(dig(slice_, "metadata", "namespace")), labels_of(slice_).get("kubernetes.io/service-name", ""))
        by_service.setdefault(key, []).append(slice_)
    found: list[VirtualPort] = []
    for service in services:
        key = (str(service["metadata"]["namespace"]), str(service["metadata"]["name"]))
        affinity = _affinity_seconds(service)
        for address in cluster_ips(service):
            for port in dig_list(service, "spec", "ports"):
                protocol = str(port.get("protocol") or "TCP")
                if protocol not in _PROTOCOLS:
                    continue
                slices_of = by_service.get(key, [])
                endpoints = endpoints_of(slices_of, str(port.get("name") or ""), protocol, family_of(address))
                name = f"{key[0]}/{key[1]}:{port['port']}"
                one = VirtualPort(address, _PROTOCOLS[protocol], int(port["port"]), name, endpoints, affinity)
                found.append(one)
    return sorted(found)
