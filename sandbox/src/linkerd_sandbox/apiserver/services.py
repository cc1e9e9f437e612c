"""ClusterIPs and node ports of Services. PURE.

Addresses already taken are those of the Services in the store, so nothing has to be released. Kubernetes gives out
random addresses of the upper part of the range first, to keep the lower part for static ones; here they are given in
order, from after the reserved first sixteen, which is easier to read.
"""

import ipaddress
from collections.abc import Iterator

from linkerd_sandbox.apiserver.objects import JsonObject, dig_list, dig_map
from linkerd_sandbox.apiserver.status import Cause, StatusError, internal, invalid
from linkerd_sandbox.apiserver.store import Store

_RESERVED = 16
_NODE_PORTS = range(30000, 32768)
HEADLESS = "None"


class ServiceAddresses:
    """Hands out ClusterIPs of one range."""

    def __init__(self, store: Store, cidr: str) -> None:
        self._store = store
        self._network = ipaddress.ip_network(cidr)
        self._next = _RESERVED

    def address(self, index: int) -> str:
        """The address at a place in the range; the API has 1, DNS has 10."""
        return str(self._network[index])

    def allocated(self, body: JsonObject, old: JsonObject | None) -> JsonObject:
        """The Service with its addresses; those of `old` stay. Raises `StatusError` 422 or 500."""
        spec = body.setdefault("spec", {})
        before = dig_map(old, "spec")
        if spec.get("type") == "ExternalName":
            for key in ("clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy", "internalTrafficPolicy"):
                spec.pop(key, None)
            return body
        if before.get("clusterIP") and not spec.get("clusterIP"):
            spec["clusterIP"] = before["clusterIP"]
        if not spec.get("clusterIP"):
            spec["clusterIP"] = next(iter(spec.get("clusterIPs") or ()), None) or self._free()
        elif spec["clusterIP"] != HEADLESS and spec["clusterIP"] != before.get("clusterIP"):
            self._check_static(body, spec["clusterIP"])
        spec["clusterIPs"] = [spec["clusterIP"]]
        spec.setdefault("ipFamilies", ["IPv6" if self._network.version == 6 else "IPv4"])
        spec.setdefault("ipFamilyPolicy", "SingleStack")
        if spec.get("type") in ("NodePort", "LoadBalancer"):
            self._node_ports(spec, before)
        return body

    def _taken(self) -> set[str]:
        return {item.body["spec"].get("clusterIP", "") for item in self._store.scan("services")}

    def _candidates(self) -> Iterator[int]:
        last = self._network.num_addresses - 1
        yield from range(self._next, last)
        yield from range(_RESERVED, self._next)

    def _free(self) -> str:
        taken = self._taken()
        for index in self._candidates():
            address = self.address(index)
            if address not in taken:
                self._next = index + 1
                return address
        raise internal("failed to allocate a serviceIP: range is full")

    def _check_static(self, body: JsonObject, address: str) -> None:
        why = None
        try:
            if ipaddress.ip_address(address) not in self._network:
                why = f"provided IP is not in the valid range. The range of valid IPs is {self._network}"
        except ValueError:
            why = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"
        if why is None and address in self._taken():
            why = f"failed to allocate IP {address}: provided IP is already allocated"
        if why is not None:
            raise self._invalid(body, address, why)

    @staticmethod
    def _invalid(body: JsonObject, address: str, why: str) -> StatusError:
        cause = Cause("spec.clusterIPs", "FieldValueInvalid", f'Invalid value: ["{address}"]: {why}')
        return invalid("Service", "", body["metadata"].get("name", ""), [cause])

    def _node_ports(self, spec: JsonObject, before: JsonObject) -> None:
        old = {(p.get("name"), p.get("port"), p.get("protocol")): p.get("nodePort") for p in dig_list(before, "ports")}
        taken = {
            port.get("nodePort")
            for item in self._store.scan("services")
            for port in dig_list(item.body, "spec", "ports")
        }
        for port in dig_list(spec, "ports"):
            if port.get("nodePort"):
                continue
            kept = old.get((port.get("name"), port.get("port"), port.get("protocol")))
            port["nodePort"] = kept or next(number for number in _NODE_PORTS if number not in taken)
            taken.add(port["nodePort"])
