"""EndpointSlices (and the older Endpoints) of Services with a selector. PURE.

Source: pkg/controller/endpointslice. Slices have names made from what they hold, so that the same pods give the same
objects and only differences are written. Services without a selector are left alone: somebody else writes theirs.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from linkerd_kube.objects import JsonObject
from linkerd_kube.resources import ENDPOINT_SLICES, ENDPOINTS
from linkerd_sandbox.controllers.actions import Action, Create, Delete, Patch, Plan, controller_reference
from linkerd_sandbox.controllers.podstate import is_ready, is_terminating, short_hash
from linkerd_sandbox.fields import dig, dig_list, dig_map, labels_of

_MAX_ENDPOINTS: Final = 100
_SERVICE_NAME: Final = "kubernetes.io/service-name"
_MANAGED_BY: Final = "endpointslice.kubernetes.io/managed-by"
_MANAGER: Final = "endpointslice-controller.kubernetes.io"
_HEADLESS: Final = "service.kubernetes.io/headless"

Ports = tuple[tuple[str, str, int, str], ...]
"""(name, protocol, number, appProtocol) of each port that a pod resolves."""


@dataclass(frozen=True, slots=True)
class _Member:
    pod: JsonObject
    ports: Ports


def reconcile(
    service: JsonObject,
    pods: Iterable[JsonObject],
    slices: Sequence[JsonObject],
    endpoints: JsonObject | None,
    zones: dict[str, str],
) -> Plan:
    """`pods` of the namespace, `slices` of the service, `endpoints` its Endpoints object, `zones` by node name."""
    selector = dig_map(service, "spec", "selector")
    gone = bool(dig(service, "metadata", "deletionTimestamp"))
    if not selector or dig(service, "spec", "type") == "ExternalName" or gone:
        return Plan()
    members = _members(service, selector, pods)
    ours = [one for one in slices if labels_of(one).get(_MANAGED_BY) == _MANAGER]
    wanted = {str(one["metadata"]["name"]): one for one in _slices(service, members, zones)}
    return Plan([*_slice_actions(wanted, ours), *_endpoints_actions(service, members, endpoints)])


def _members(service: JsonObject, selector: JsonObject, pods: Iterable[JsonObject]) -> list[_Member]:
    found: list[_Member] = []
    for pod in pods:
        finished = dig(pod, "status", "phase") in ("Succeeded", "Failed")
        if finished or not dig(pod, "status", "podIP") or not selector.items() <= labels_of(pod).items():
            continue
        found.append(_Member(pod, _ports(service, pod)))
    return sorted(found, key=lambda member: str(member.pod["metadata"]["name"]))


def _ports(service: JsonObject, pod: JsonObject) -> Ports:
    """Service ports as this pod has them; a named target that it does not have is left out."""
    found: list[tuple[str, str, int, str]] = []
    for port in dig_list(service, "spec", "ports"):
        protocol = str(port.get("protocol") or "TCP")
        target = port.get("targetPort")
        number: int | None
        if isinstance(target, str) and not target.isdigit():
            number = _named_port(pod, target, protocol)
        else:
            number = int(target or port["port"])
        if number is not None:
            found.append((str(port.get("name") or ""), protocol, number, str(port.get("appProtocol") or "")))
    return tuple(found)


def _named_port(pod: JsonObject, name: str, protocol: str) -> int | None:
    sidecars = [c for c in dig_list(pod, "spec", "initContainers") if c.get("restartPolicy") == "Always"]
    for container in [*dig_list(pod, "spec", "containers"), *sidecars]:
        for port in dig_list(container, "ports"):
            if port.get("name") == name and (port.get("protocol") or "TCP") == protocol:
                return int(port["containerPort"])
    return None


def _slices(service: JsonObject, members: Sequence[_Member], zones: dict[str, str]) -> list[JsonObject]:
    groups: dict[Ports, list[_Member]] = {}
    for member in members:
        groups.setdefault(member.ports, []).append(member)
    if not groups:
        groups[_ports(service, {})] = []
    found: list[JsonObject] = []
    for family in dig_list(service, "spec", "ipFamilies") or ["IPv4"]:
        for ports, group in sorted(groups.items()):
            places = [(m.pod, address) for m in group if (address := _address(m.pod, family))]
            for start in range(0, max(len(places), 1), _MAX_ENDPOINTS):
                chunk = places[start : start + _MAX_ENDPOINTS]
                endpoints = [_endpoint(service, pod, address, zones) for pod, address in chunk]
                found.append(_slice(service, family, ports, endpoints, start))
    return found


def _address(pod: JsonObject, family: str) -> str | None:
    """The pod's address of a family; one without podIPs has its podIP alone."""
    found = [str(one["ip"]) for one in dig_list(pod, "status", "podIPs")] or [str(pod["status"]["podIP"])]
    return next((ip for ip in found if (":" in ip) == (family == "IPv6")), None)


def _slice(service: JsonObject, family: str, ports: Ports, endpoints: list[JsonObject], start: int) -> JsonObject:
    meta = service["metadata"]
    labels = dict(labels_of(service)) | {_SERVICE_NAME: meta["name"], _MANAGED_BY: _MANAGER}
    # the name's hash leaves the main family out, as it was before there were two
    hashed = [ports, start, meta["uid"], *([family] if family != "IPv4" else [])]
    if dig(service, "spec", "clusterIP") == "None":
        labels[_HEADLESS] = ""
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "name": f"{meta['name']}-{short_hash(hashed)[:5]}",
            "namespace": meta["namespace"],
            "labels": labels,
            "ownerReferences": [controller_reference(dict(service) | {"apiVersion": "v1", "kind": "Service"})],
        },
        "addressType": family,
        "endpoints": endpoints,
        "ports": [_slice_port(*port) for port in ports],
    }


def _slice_port(name: str, protocol: str, number: int, app_protocol: str) -> JsonObject:
    return {"name": name, "port": number, "protocol": protocol} | (
        {"appProtocol": app_protocol} if app_protocol else {}
    )


def _endpoint(service: JsonObject, pod: JsonObject, address: str, zones: dict[str, str]) -> JsonObject:
    ready, terminating = is_ready(pod), is_terminating(pod)
    early = bool(dig(service, "spec", "publishNotReadyAddresses"))
    meta, node = pod["metadata"], str(dig(pod, "spec", "nodeName") or "")
    endpoint: JsonObject = {
        "addresses": [address],
        "conditions": {"ready": early or (ready and not terminating), "serving": ready, "terminating": terminating},
        "targetRef": _target(meta),
    }
    if node:
        endpoint["nodeName"] = node
    if zones.get(node):
        endpoint["zone"] = zones[node]
    if dig(pod, "spec", "hostname") and dig(pod, "spec", "subdomain") == service["metadata"]["name"]:
        endpoint["hostname"] = pod["spec"]["hostname"]
    return endpoint


def _target(meta: JsonObject) -> JsonObject:
    return {"kind": "Pod", "name": meta["name"], "namespace": meta["namespace"], "uid": meta["uid"]}


def _slice_actions(wanted: dict[str, JsonObject], have: Sequence[JsonObject]) -> list[Action]:
    actions: list[Action] = []
    for one in have:
        meta = one["metadata"]
        new = wanted.pop(str(meta["name"]), None)
        if new is None:
            actions.append(Delete(ENDPOINT_SLICES, meta["namespace"], meta["name"], meta["uid"]))
            continue
        parts = ("endpoints", "ports")
        same = all((one.get(part) or []) == new[part] for part in parts) and labels_of(one) == labels_of(new)
        if not same:
            dropped = {key: None for key in labels_of(one) if key not in labels_of(new)}
            body = {part: new[part] for part in parts} | {"metadata": {"labels": labels_of(new) | dropped}}
            actions.append(Patch(ENDPOINT_SLICES, meta["namespace"], meta["name"], body))
    return [*(Create(ENDPOINT_SLICES, one["metadata"]["namespace"], one) for one in wanted.values()), *actions]


def _endpoints_actions(service: JsonObject, members: Sequence[_Member], have: JsonObject | None) -> list[Action]:
    """The object that older clients and `kubectl get endpoints` read."""
    meta = service["metadata"]
    subsets = _subsets(service, members)
    if have is None:
        body: JsonObject = {
            "apiVersion": "v1",
            "kind": "Endpoints",
            "metadata": {"name": meta["name"], "namespace": meta["namespace"], "labels": dict(labels_of(service))},
        }
        return [Create(ENDPOINTS, meta["namespace"], body | ({"subsets": subsets} if subsets else {}))]
    if (have.get("subsets") or []) == subsets:
        return []
    return [Patch(ENDPOINTS, meta["namespace"], meta["name"], {"subsets": subsets})]


def _subsets(service: JsonObject, members: Sequence[_Member]) -> list[JsonObject]:
    groups: dict[Ports, tuple[list[JsonObject], list[JsonObject]]] = {}
    early = bool(dig(service, "spec", "publishNotReadyAddresses"))
    for member in members:
        if is_terminating(member.pod):
            continue
        main = (dig_list(service, "spec", "ipFamilies") or ["IPv4"])[0]
        ip = _address(member.pod, main)
        if ip is None:
            continue
        address: JsonObject = {"ip": ip, "targetRef": _target(member.pod["metadata"])}
        if node := dig(member.pod, "spec", "nodeName"):
            address["nodeName"] = node
        ready, waiting = groups.setdefault(member.ports, ([], []))
        (ready if early or is_ready(member.pod) else waiting).append(address)
    subsets: list[JsonObject] = []
    for ports, (ready, waiting) in sorted(groups.items()):
        subset: JsonObject = {}
        if ready:
            subset["addresses"] = ready
        if waiting:
            subset["notReadyAddresses"] = waiting
        listed = [{key: value for key, value in _slice_port(*port).items() if value != ""} for port in ports]
        subsets.append(subset | ({"ports": listed} if listed else {}))
    return subsets


def service_of(slice_: JsonObject) -> str:
    """The name of the service that a slice belongs to; "" for none."""
    return labels_of(slice_).get(_SERVICE_NAME, "")
