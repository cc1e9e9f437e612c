"""What the cluster's names mean, as Kubernetes' DNS specification 1.1.0 says: Services, headless ones, SRV, pods. PURE.

A name that has records of another type only is NOERROR without answers, never NXDOMAIN: resolvers ask for A and AAAA
together and give up on NXDOMAIN. Names outside the cluster's domain are refused at once: there is no way out of here.
"""

import ipaddress
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from linkerd_kube.objects import JsonObject
from linkerd_sandbox.fields import dig, dig_list, labels_of
from linkerd_sandbox.net import dns_wire
from linkerd_sandbox.net.dns_wire import Query, Record
from linkerd_sandbox.net.services import cluster_ips, usable


@dataclass(slots=True)
class _Names:
    """Records by name, and the names above them that exist only as parents."""

    records: dict[str, list[Record]] = field(default_factory=dict)
    parents: set[str] = field(default_factory=set)

    def add(self, record: Record) -> None:
        self.records.setdefault(record.name, []).append(record)
        parent = record.name.partition(".")[2]
        while parent and parent not in self.parents:
            self.parents.add(parent)
            parent = parent.partition(".")[2]


def dashed(address: str) -> str:
    return address.replace(".", "-").replace(":", "-")


def build(services: Iterable[JsonObject], slices: Iterable[JsonObject], domain: str) -> _Names:
    """All names of the cluster."""
    names = _Names()
    by_service: dict[tuple[str, str], list[JsonObject]] = {}
    for slice_ in slices:
        service_name = labels_of(slice_).get("kubernetes.io/service-name", "")
        by_service.setdefault((str(slice_["metadata"]["namespace"]), service_name), []).append(slice_)
    for service in services:
        meta = service["metadata"]
        name = f"{meta['name']}.{meta['namespace']}.svc.{domain}"
        if dig(service, "spec", "type") == "ExternalName":
            names.add(dns_wire.cname(name, str(dig(service, "spec", "externalName") or "").rstrip(".")))
        elif dig(service, "spec", "clusterIP") == "None":
            _headless(names, name, by_service.get((meta["namespace"], meta["name"]), []))
        elif addresses := cluster_ips(service):
            for address in addresses:
                names.add(dns_wire.address(name, address))
            for port in dig_list(service, "spec", "ports"):
                if port.get("name"):
                    protocol = str(port.get("protocol") or "TCP").lower()
                    names.add(dns_wire.srv(f"_{port['name']}._{protocol}.{name}", int(port["port"]), name, 100))
    return names


def _headless(names: _Names, name: str, slices: list[JsonObject]) -> None:
    seen: set[tuple[str, str]] = set()
    for slice_ in slices:
        if slice_.get("addressType") == "FQDN":
            continue
        for endpoint in usable(slice_):
            for address in endpoint.get("addresses") or []:
                own = f"{endpoint.get('hostname') or dashed(address)}.{name}"
                if (own, address) not in seen:
                    seen.add((own, address))
                    names.add(dns_wire.address(name, address))
                    names.add(dns_wire.address(own, address))
                for port in dig_list(slice_, "ports"):
                    if port.get("name"):
                        protocol = str(port.get("protocol") or "TCP").lower()
                        names.add(dns_wire.srv(f"_{port['name']}._{protocol}.{name}", int(port["port"]), own, 100))


class Zone:
    """Answers questions; `replace` gives it the newest objects, which are read at the next question."""

    def __init__(self, domain: str) -> None:
        self._domain = domain
        self._soa = [dns_wire.soa(domain)]
        self._names = build((), (), domain)
        self._sources: tuple[Callable[[], list[JsonObject]], Callable[[], list[JsonObject]]] | None = None

    def replace(self, services: Callable[[], list[JsonObject]], slices: Callable[[], list[JsonObject]]) -> None:
        self._sources = (services, slices)

    def answer(self, query: Query, *, limit: int | None) -> bytes:
        """The answer to send, no longer than `limit` bytes."""
        if self._sources is not None:
            services, slices = self._sources
            self._sources = None
            self._names = build(services(), slices(), self._domain)
        name = query.name
        if name != self._domain and not name.endswith(f".{self._domain}"):
            return dns_wire.respond(query, dns_wire.REFUSED, limit=limit)
        if name.endswith(f".pod.{self._domain}"):
            return self._pod(query, limit)
        found = self._names.records.get(name)
        if found is None:
            known = name == self._domain or name in self._names.parents
            code = dns_wire.NOERROR if known else dns_wire.NXDOMAIN
            return dns_wire.respond(query, code, (), self._soa, limit=limit)
        kinds = {query.kind, dns_wire.CNAME}
        answers = [record for record in found if record.kind in kinds or query.kind == dns_wire.ANY]
        if not answers:
            return dns_wire.respond(query, dns_wire.NOERROR, (), self._soa, limit=limit)
        extra = self._glue(answers) if query.kind == dns_wire.SRV else []
        return dns_wire.respond(query, dns_wire.NOERROR, answers, (), extra, limit=limit)

    def _glue(self, answers: list[Record]) -> list[Record]:
        """Addresses of what SRV records point to."""
        targets = {record.data[6:] for record in answers}
        found: list[Record] = []
        for name, records in self._names.records.items():
            if dns_wire.encode_name(name) in targets:
                found += [record for record in records if record.kind in (dns_wire.A, dns_wire.AAAA)]
        return found

    def _pod(self, query: Query, limit: int | None) -> bytes:
        """a-b-c-d.NAMESPACE.pod.DOMAIN is a.b.c.d, whether or not such a pod exists (CoreDNS' `pods insecure`).

        An IPv6 address has seven dashes, or two together where it has "::".
        """
        first = query.name.removesuffix(f".pod.{self._domain}").split(".")
        try:
            four = first[0].count("-") == 3 and "--" not in first[0]
            address = str(ipaddress.ip_address(first[0].replace("-", "." if four else ":")))
        except ValueError:
            return dns_wire.respond(query, dns_wire.NXDOMAIN, (), self._soa, limit=limit)
        if len(first) != 2:
            return dns_wire.respond(query, dns_wire.NXDOMAIN, (), self._soa, limit=limit)
        record = dns_wire.address(query.name, address)
        if query.kind not in (record.kind, dns_wire.ANY):
            return dns_wire.respond(query, dns_wire.NOERROR, (), self._soa, limit=limit)
        return dns_wire.respond(query, dns_wire.NOERROR, [record], limit=limit)
