"""Columns of networking, configuration, access and cluster kinds. PURE."""

from linkerd_sandbox.apiserver.objects import JsonObject, dig, dig_list, dig_map
from linkerd_sandbox.apiserver.tables.cells import (
    AGE,
    NAME,
    NONE,
    UNKNOWN,
    Column,
    at,
    joined,
    map_text,
    selector_text,
    since,
    size,
)  # fmt: skip

_SHOWN_ENDPOINTS = 3


def _external(body: JsonObject, _now: float) -> str:
    kind = dig(body, "spec", "type") or "ClusterIP"
    addresses = list(dig_list(body, "spec", "externalIPs"))
    if kind == "ExternalName":
        return str(dig(body, "spec", "externalName") or NONE)
    if kind == "LoadBalancer":
        ingress = dig_list(body, "status", "loadBalancer", "ingress")
        addresses = [item.get("ip") or item.get("hostname") or "" for item in ingress] + addresses
        return joined(addresses, "<pending>")
    return joined(addresses)


def _ports(body: JsonObject, _now: float) -> str:
    shown = []
    for port in dig_list(body, "spec", "ports"):
        node = f":{port['nodePort']}" if port.get("nodePort") else ""
        shown.append(f"{port.get('port')}{node}/{port.get('protocol', 'TCP')}")
    return joined(shown)


def _cluster_ip(body: JsonObject, _now: float) -> str:
    return str(dig(body, "spec", "clusterIP") or NONE)


SERVICE_COLUMNS = (
    NAME,
    Column("Type", at("spec", "type")),
    Column("Cluster-IP", _cluster_ip),
    Column("External-IP", _external),
    Column("Port(s)", _ports),
    AGE,
    Column("Selector", lambda body, _now: map_text(dig_map(body, "spec", "selector")), wide=True),
)


def _some(values: list[str]) -> str:
    if len(values) > _SHOWN_ENDPOINTS:
        return f"{','.join(values[:_SHOWN_ENDPOINTS])} + {len(values) - _SHOWN_ENDPOINTS} more..."
    return joined(values)


def _endpoints(body: JsonObject, _now: float) -> str:
    shown: list[str] = []
    for subset in dig_list(body, "subsets"):
        for port in dig_list(subset, "ports") or [{}]:
            addresses = [str(address.get("ip")) for address in dig_list(subset, "addresses")]
            shown += [f"{address}:{port['port']}" if port else address for address in addresses]
    return _some(shown)


ENDPOINTS_COLUMNS = (NAME, Column("Endpoints", _endpoints), AGE)


def _slice_ports(body: JsonObject, _now: float) -> str:
    ports = dig_list(body, "ports")
    return _some([str(port.get("port", "*")) for port in ports]) if ports else "<unset>"


def _slice_addresses(body: JsonObject, _now: float) -> str:
    found = [address for endpoint in dig_list(body, "endpoints") for address in endpoint.get("addresses") or ()]
    return _some(found) if found else "<unset>"


ENDPOINT_SLICE_COLUMNS = (
    NAME,
    Column("AddressType", at("addressType")),
    Column("Ports", _slice_ports),
    Column("Endpoints", _slice_addresses),
    AGE,
)
NAMESPACE_COLUMNS = (NAME, Column("Status", at("status", "phase")), AGE)
CONFIG_MAP_COLUMNS = (
    NAME,
    Column("Data", lambda body, _now: len(dig_map(body, "data")) + len(dig_map(body, "binaryData")), "string"),
    AGE,
)
SECRET_COLUMNS = (NAME, Column("Type", at("type")), Column("Data", size("data")), AGE)
SERVICE_ACCOUNT_COLUMNS = (NAME, Column("Secrets", size("secrets")), AGE)


def _node_status(body: JsonObject, _now: float) -> str:
    conditions = {c.get("type"): c.get("status") for c in dig_list(body, "status", "conditions")}
    shown = {"True": "Ready", "False": "NotReady"}.get(conditions.get("Ready", ""), "Unknown")
    return f"{shown},SchedulingDisabled" if dig(body, "spec", "unschedulable") else shown


def _roles(body: JsonObject, _now: float) -> str:
    prefix = "node-role.kubernetes.io/"
    labels = dig_map(body, "metadata", "labels")
    return joined(sorted(key.removeprefix(prefix) for key in labels if key.startswith(prefix)))


def _address(kind: str) -> Column:
    def cell(body: JsonObject, _now: float) -> str:
        addresses = dig_list(body, "status", "addresses")
        return next((str(a.get("address")) for a in addresses if a.get("type") == kind), NONE)

    return Column("Internal-IP" if kind == "InternalIP" else "External-IP", cell, wide=True)


def _info(name: str, field: str) -> Column:
    return Column(name, at("status", "nodeInfo", field, default=UNKNOWN), wide=True)


NODE_COLUMNS = (
    NAME,
    Column("Status", _node_status),
    Column("Roles", _roles),
    AGE,
    Column("Version", at("status", "nodeInfo", "kubeletVersion")),
    _address("InternalIP"),
    _address("ExternalIP"),
    _info("OS-Image", "osImage"),
    _info("Kernel-Version", "kernelVersion"),
    _info("Container-Runtime", "containerRuntimeVersion"),
)


def _last_seen(body: JsonObject, now: float) -> str:
    series = dig(body, "series", "lastObservedTime")
    last = series or dig(body, "lastTimestamp") or dig(body, "eventTime") or dig(body, "metadata", "creationTimestamp")
    return since(last, now)


def _first_seen(body: JsonObject, now: float) -> str:
    return since(dig(body, "firstTimestamp") or dig(body, "eventTime"), now)


def _event_object(body: JsonObject, _now: float) -> str:
    return f"{str(dig(body, 'involvedObject', 'kind') or '').lower()}/{dig(body, 'involvedObject', 'name') or ''}"


def _event_source(body: JsonObject, _now: float) -> str:
    component = dig(body, "source", "component") or dig(body, "reportingComponent") or ""
    host = dig(body, "source", "host") or dig(body, "reportingInstance")
    return f"{component}, {host}" if host else str(component)


EVENT_COLUMNS = (
    Column("Last Seen", _last_seen),
    Column("Type", at("type")),
    Column("Reason", at("reason")),
    Column("Object", _event_object),
    Column("Subobject", at("involvedObject", "fieldPath"), wide=True),
    Column("Source", _event_source, wide=True),
    Column("Message", lambda body, _now: str(dig(body, "message") or "").strip()),
    Column("First Seen", _first_seen, wide=True),
    Column("Count", lambda body, _now: dig(body, "series", "count") or dig(body, "count") or 1, "integer", wide=True),
    NAME._replace(wide=True),
)
LEASE_COLUMNS = (NAME, Column("Holder", at("spec", "holderIdentity")), AGE)


def _created(body: JsonObject, _now: float) -> str:
    return str(dig(body, "metadata", "creationTimestamp") or "")


ROLE_COLUMNS = (NAME, Column("Created At", _created, "date"))


def _subjects(kind: str) -> Column:
    def cell(body: JsonObject, _now: float) -> str:
        found = [s for s in dig_list(body, "subjects") if s.get("kind") == kind]
        if kind == "ServiceAccount":
            return ", ".join(f"{s.get('namespace', '')}/{s.get('name')}" for s in found)
        return ", ".join(str(s.get("name")) for s in found)

    return Column({"User": "Users", "Group": "Groups", "ServiceAccount": "ServiceAccounts"}[kind], cell, wide=True)


BINDING_COLUMNS = (
    NAME,
    Column("Role", lambda body, _now: f"{dig(body, 'roleRef', 'kind')}/{dig(body, 'roleRef', 'name')}"),
    AGE,
    _subjects("User"),
    _subjects("Group"),
    _subjects("ServiceAccount"),
)
WEBHOOK_COLUMNS = (NAME, Column("Webhooks", size("webhooks"), "integer"), AGE)
CRD_COLUMNS = (NAME, Column("Created At", _created, "date"))


def _api_service(body: JsonObject, _now: float) -> str:
    service = dig_map(body, "spec", "service")
    return f"{service.get('namespace')}/{service.get('name')}" if service else "Local"


def _available(body: JsonObject, _now: float) -> str:
    for condition in dig_list(body, "status", "conditions"):
        if condition.get("type") == "Available":
            state = str(condition.get("status"))
            return state if state == "True" else f"{state} ({condition.get('reason')})"
    return "Unknown"


API_SERVICE_COLUMNS = (NAME, Column("Service", _api_service), Column("Available", _available), AGE)


def _not_available(field: str) -> Column:
    name = {"minAvailable": "Min Available", "maxUnavailable": "Max Unavailable"}[field]
    return Column(
        name, lambda body, _now: str(dig(body, "spec", field) if dig(body, "spec", field) is not None else "N/A")
    )


PDB_COLUMNS = (
    NAME,
    _not_available("minAvailable"),
    _not_available("maxUnavailable"),
    Column("Allowed Disruptions", at("status", "disruptionsAllowed", default=0), "integer"),
    AGE,
)
NETWORK_POLICY_COLUMNS = (
    NAME,
    Column("Pod-Selector", lambda body, _now: selector_text(dig(body, "spec", "podSelector"))),
    AGE,
)
PRIORITY_CLASS_COLUMNS = (
    NAME,
    Column("Value", at("value", default=0), "integer"),
    Column("Global-Default", lambda body, _now: bool(dig(body, "globalDefault")), "boolean"),
    AGE,
    Column("PreemptionPolicy", at("preemptionPolicy")),
)
