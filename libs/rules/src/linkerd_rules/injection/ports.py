"""Ports of pods and Services: what the proxy is told, and how opaque ports are inherited.

A pod or Service without the opaque-ports annotation gets its namespace's, word for word; else those of the
installation's default list that it has (Linkerd). Nothing in common: no annotation.
"""

import functools
from collections.abc import Mapping

from linkerd_contract.durations import parse_ports, port_in
from linkerd_contract.names import ANNOTATION_OPAQUE_PORTS, PROXY_CONTAINER
from linkerd_rules.injection.parsing import is_range
from linkerd_rules.injection.tree import JsonObject, child, number, objects, text

PROBES = ("livenessProbe", "readinessProbe", "startupProbe")


def app_containers(spec: JsonObject) -> list[JsonObject]:
    """All containers but the sidecar, those of init included (native sidecars serve too). Raises Malformed."""
    both = (*objects(spec, "initContainers", "spec"), *objects(spec, "containers", "spec"))
    return [container for container in both if text(container, "name") != PROXY_CONTAINER]


def container_ports(spec: JsonObject) -> dict[int, str]:
    """TCP container ports and their names ("" where there is none), in order. Raises Malformed."""
    found: dict[int, str] = {}
    for container in app_containers(spec):
        for port in objects(container, "ports", "spec.containers"):
            value = number(port, "containerPort")
            if value is not None and 0 < value < 65536 and text(port, "protocol") in ("", "TCP"):
                found.setdefault(value, text(port, "name"))
    return found


def inbound_ports(spec: JsonObject) -> str:
    """Ports whose policy the proxy watches from the start: container ports and integer httpGet probe ports.

    Sorted as strings, as Linkerd writes them. Raises Malformed.
    """
    ports = set(container_ports(spec))
    for container in app_containers(spec):
        for probe in PROBES:
            action = child(child(container, probe, "spec.containers"), "httpGet", f"spec.containers.{probe}")
            value = number(action, "port")
            if value is not None and 0 < value < 65536:
                ports.add(value)
    return ",".join(sorted(map(str, ports)))


def numeric(port_list: str, spec: JsonObject) -> tuple[str, list[str]]:
    """A list of ports, ranges and container-port names as numbers; and the names that no container has."""
    by_name = {name: port for port, name in container_ports(spec).items() if name}
    numbers, unknown = [], []
    for part in port_list.split(","):
        if not part:
            continue
        if is_range(part):
            numbers.append(part)
        elif part in by_name:
            numbers.append(str(by_name[part]))
        else:
            unknown.append(part)
    return ",".join(numbers), unknown


def opaque_of_pod(annotations: Mapping[str, str], spec: JsonObject, namespace: Mapping[str, str], default: str) -> str:
    """The opaque-ports annotation that a pod should get, "" for none. Raises Malformed."""
    if ANNOTATION_OPAQUE_PORTS in annotations:
        return ""
    if (inherited := namespace.get(ANNOTATION_OPAQUE_PORTS)) is not None:
        return inherited
    return _in_common(default, container_ports(spec))


def opaque_of_service(service: JsonObject, namespace: Mapping[str, str], default: str) -> str:
    """The opaque-ports annotation that a Service should get, "" for none. Raises Malformed."""
    metadata = child(service, "metadata", "")
    if ANNOTATION_OPAQUE_PORTS in child(metadata, "annotations", "metadata"):
        return ""
    if (inherited := namespace.get(ANNOTATION_OPAQUE_PORTS)) is not None:
        return inherited
    ranges = _ranges(default)
    found: dict[int, str] = {}
    for port in objects(child(service, "spec", ""), "ports", "spec"):
        own, target = number(port, "port"), port.get("targetPort")
        # The API server fills in targetPort after admission: 0 and "" mean not set.
        decides = own if target in (None, 0, "") else number(port, "targetPort")
        if own is not None and decides is not None and port_in(ranges, decides):
            found[own] = ""
    return ",".join(map(str, found))


def _in_common(default: str, ports: Mapping[int, str]) -> str:
    names = {part for part in default.split(",") if part and not is_range(part)}
    ranges = _ranges(default)
    return ",".join(str(port) for port, name in ports.items() if port_in(ranges, port) or (name and name in names))


@functools.lru_cache(maxsize=64)
def _ranges(port_list: str) -> list[tuple[int, int]]:
    """The installation's default list, over and over: parsed once, never changed."""
    return parse_ports(",".join(part for part in port_list.split(",") if is_range(part)))
