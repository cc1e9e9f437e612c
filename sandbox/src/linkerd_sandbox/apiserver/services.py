"""ClusterIPs and node ports of Services. PURE.

Addresses already taken are those of the Services in the store, so nothing has to be released. Kubernetes gives out
random addresses of the upper part of the range first, to keep the lower part for static ones; here they are given in
order, from after the reserved first sixteen, which is easier to read.
"""

import ipaddress
from collections.abc import Iterator

from linkerd_sandbox.apiserver.objects import JsonObject, dig, dig_list, dig_map
from linkerd_sandbox.apiserver.status import Cause, StatusError, internal, invalid
from linkerd_sandbox.apiserver.store import Store
from linkerd_sandbox.apiserver.validation.causes import go_syntax
from linkerd_sandbox.apiserver.validation.names import ADDRESS_RULE

_RESERVED = 16
_NODE_PORTS = range(30000, 32768)
_FAMILIES = ("IPv4", "IPv6")
_EXPOSED = ("NodePort", "LoadBalancer")
HEADLESS = "None"


class ServiceAddresses:
    """Hands out ClusterIPs of one range, or of one of each family: "10.43.0.0/16,fd00:10:43::/112"."""

    def __init__(self, store: Store, cidr: str) -> None:
        self._store = store
        self._networks = {_family(text): ipaddress.ip_network(text) for text in cidr.split(",")}
        self._next = dict.fromkeys(self._networks, _RESERVED)

    def address(self, index: int, family: str = "") -> str:
        """The address at a place in the range (the first one); the API has 1, DNS has 10."""
        return str(self._networks[family or next(iter(self._networks))][index])

    def allocated(self, body: JsonObject, old: JsonObject | None) -> JsonObject:
        """The Service with its addresses; those of `old` stay. Raises `StatusError` 422 or 500."""
        spec = body.setdefault("spec", {})
        before = dig_map(old, "spec")
        _drop_of_type(spec, before)
        if spec.get("type") == "ExternalName":
            for key in ("clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy", "internalTrafficPolicy"):
                spec.pop(key, None)
            return body
        if before.get("clusterIP") and not spec.get("clusterIP"):
            if spec.get("clusterIPs") not in (None, [], before.get("clusterIPs")):
                raise self._invalid(body, "spec.clusterIPs[0]", [], "primary clusterIP can not be unset")
            spec["clusterIP"] = before["clusterIP"]
        given = [str(ip) for ip in spec.get("clusterIPs") or [spec.get("clusterIP")] if ip]
        if spec.get("clusterIP") and given == dig_list(before, "clusterIPs"):
            given[:1] = [str(spec["clusterIP"])]  # who changes the one means the other too
        families = spec["ipFamilies"] = self._families(body, given, before)
        spec["ipFamilyPolicy"] = spec.get("ipFamilyPolicy") or "SingleStack"
        if HEADLESS in given:
            spec["clusterIPs"] = [HEADLESS]
        else:
            spec["clusterIPs"] = [self._one(body, family, given, dig_list(before, "clusterIPs")) for family in families]
        spec["clusterIP"] = spec["clusterIPs"][0]
        if spec.get("type") in _EXPOSED:
            self._node_ports(body, before)
        return body

    def _families(self, body: JsonObject, given: list[str], before: JsonObject) -> list[str]:
        """The address families of a Service, the main one first. Raises `StatusError` 422."""
        spec, known = body["spec"], list(self._networks)
        named = [str(family) for family in spec.get("ipFamilies") or before.get("ipFamilies") or ()]
        policy = spec.get("ipFamilyPolicy") or before.get("ipFamilyPolicy")
        if HEADLESS in given and not spec.get("selector"):  # whoever writes its endpoints may use any family
            known = [*known, *(family for family in _FAMILIES if family not in known)]
            policy = spec["ipFamilyPolicy"] = policy or ("SingleStack" if named else "RequireDualStack")
        wrong = [
            self._cause(f"spec.ipFamilies[{index}]", family, "not configured on this cluster")
            for index, family in enumerate(named)
            if family not in known
        ]
        if policy == "RequireDualStack" and len(known) < 2:
            why = "this cluster is not configured for dual-stack services"
            wrong.append(self._cause("spec.ipFamilyPolicy", policy, why))
        if wrong:
            raise invalid("Service", "", body["metadata"].get("name", ""), wrong)
        if not named:
            named = list(dict.fromkeys(found for ip in given if (found := _family(ip)) in known)) or known[:1]
        if policy in (None, "SingleStack"):
            return named[:1]
        return named + [family for family in known if family not in named]

    def _one(self, body: JsonObject, family: str, given: list[str], before: list[str]) -> str:
        """The address of one family: the one that was asked for, the one it had, a new one."""
        asked = next((ip for ip in given if _family(ip) in (family, "")), None)
        if asked is None and (wrong := [ip for ip in given if _family(ip) not in self._networks]):
            asked = wrong[0]
        if asked is not None and asked not in before:
            self._check_static(body, family, asked)
        return asked or next((ip for ip in before if _family(ip) == family), None) or self._free(family)

    def _taken(self) -> set[str]:
        found: set[str] = set()
        for item in self._store.scan("services"):
            found.update(dig_list(item.body, "spec", "clusterIPs"))
        return found

    def _candidates(self, family: str) -> Iterator[int]:
        last = self._networks[family].num_addresses - 1
        yield from range(self._next[family], last)
        yield from range(_RESERVED, self._next[family])

    def _free(self, family: str) -> str:
        taken = self._taken()
        for index in self._candidates(family):
            address = self.address(index, family)
            if address not in taken:
                self._next[family] = index + 1
                return address
        raise internal("failed to allocate a serviceIP: range is full")

    def _check_static(self, body: JsonObject, family: str, address: str) -> None:
        why, network = None, self._networks[family]
        try:
            if ipaddress.ip_address(address) not in network:
                why = f"the provided IP ({address}) is not in the valid range. The range of valid IPs is {network}"
        except ValueError:
            why = ADDRESS_RULE
            raise self._invalid(body, "spec.clusterIPs[0]", address, why) from None
        if why is None and address in self._taken():
            why = "provided IP is already allocated"
        if why is not None:
            why = f"failed to allocate IP {address}: {why}"
            raise self._invalid(body, "spec.clusterIPs", [address], why)

    @staticmethod
    def _cause(field: str, value: object, why: str) -> Cause:
        return Cause(field, "FieldValueInvalid", f"Invalid value: {go_syntax(value)}: {why}")

    def _invalid(self, body: JsonObject, field: str, value: object, why: str) -> StatusError:
        return invalid("Service", "", body["metadata"].get("name", ""), [self._cause(field, value, why)])

    def _node_ports(self, body: JsonObject, before: JsonObject) -> None:
        spec = body["spec"]
        old = {(p.get("name"), p.get("port"), p.get("protocol")): p.get("nodePort") for p in dig_list(before, "ports")}
        taken: set[int | None] = set()
        for item in self._store.scan("services"):
            taken.update(port.get("nodePort") for port in dig_list(item.body, "spec", "ports"))
            taken.add(dig(item.body, "spec", "healthCheckNodePort"))
        for index, port in enumerate(dig_list(spec, "ports")):
            given = port.get("nodePort")
            if given and given in old.values():
                continue
            if given:
                self._check_node_port(body, index, taken)
                taken.add(given)
                continue
            kept = old.get((port.get("name"), port.get("port"), port.get("protocol")))
            port["nodePort"] = kept or next(number for number in _NODE_PORTS if number not in taken)
            taken.add(port["nodePort"])
        if _checks_health(spec):
            free = next(number for number in _NODE_PORTS if number not in taken)
            spec["healthCheckNodePort"] = spec.get("healthCheckNodePort") or before.get("healthCheckNodePort") or free

    @staticmethod
    def _check_node_port(body: JsonObject, index: int, taken: set[int | None]) -> None:
        """Raises `StatusError` 422 for a port that somebody has, or that is none."""
        port = body["spec"]["ports"][index]["nodePort"]
        valid = f"{_NODE_PORTS[0]}-{_NODE_PORTS[-1]}"
        if port in taken:
            why = "provided port is already allocated"
        elif port not in _NODE_PORTS:
            why = f"provided port is not in the valid range. The range of valid ports is {valid}"
        else:
            return
        cause = Cause(f"spec.ports[{index}].nodePort", "FieldValueInvalid", f"Invalid value: {port}: {why}")
        raise invalid("Service", "", body["metadata"].get("name", ""), [cause])


def _checks_health(spec: JsonObject) -> bool:
    """Whether a load balancer asks the nodes which of them have endpoints."""
    return spec.get("type") == "LoadBalancer" and spec.get("externalTrafficPolicy") == "Local"


def _drop_of_type(spec: JsonObject, before: JsonObject) -> None:
    """Who changes the type of a Service and leaves the rest means it without what only the old type has.

    Source: dropTypeDependentFields in pkg/registry/core/service.
    """
    kind, former = spec.get("type"), before.get("type")
    gone: list[str] = []
    if former in _EXPOSED and kind not in _EXPOSED:
        gone += [] if spec.get("externalIPs") else ["externalTrafficPolicy"]
        had = {port.get("nodePort") for port in dig_list(before, "ports")}
        for port in dig_list(spec, "ports"):
            if port.get("nodePort") in had:
                port.pop("nodePort", None)
    if former == "LoadBalancer" != kind:
        gone += ["allocateLoadBalancerNodePorts", "loadBalancerClass"]
    if not _checks_health(spec):
        gone.append("healthCheckNodePort")
    for key in gone:
        if spec.get(key) == before.get(key):
            spec.pop(key, None)


def _family(text: str) -> str:
    """Of an address or range; "" for what is neither. PURE."""
    try:
        return f"IPv{ipaddress.ip_network(text, strict=False).version}"
    except ValueError:
        return ""
