"""Columns of kinds that are stored and not acted upon. PURE."""

from linkerd_sandbox.apiserver.objects import JsonObject, dig, dig_list, dig_map
from linkerd_sandbox.apiserver.tables.cells import AGE, NAME, NONE, UNKNOWN, Column, at, joined

_SHOWN = 3


def _hosts(body: JsonObject, _now: float) -> str:
    hosts = [str(rule["host"]) for rule in dig_list(body, "spec", "rules") if rule.get("host")]
    more = f" + {len(hosts) - _SHOWN} more..." if len(hosts) > _SHOWN else ""
    return ",".join(hosts[:_SHOWN]) + more or "*"


def _addresses(body: JsonObject, _now: float) -> str:
    found = dig_list(body, "status", "loadBalancer", "ingress")
    return ",".join(str(item.get("ip") or item.get("hostname") or "") for item in found)


INGRESS_COLUMNS = (
    NAME,
    Column("Class", at("spec", "ingressClassName", default=NONE)),
    Column("Hosts", _hosts),
    Column("Address", _addresses),
    Column("Ports", lambda body, _now: "80, 443" if dig_list(body, "spec", "tls") else "80"),
    AGE,
)


def _parameters(body: JsonObject, _now: float) -> str:
    found = dig_map(body, "spec", "parameters")
    kind = ".".join(filter(None, (found.get("kind"), found.get("apiGroup"))))
    return f"{kind}/{found['name']}" if found else NONE


INGRESS_CLASS_COLUMNS = (
    NAME,
    Column("Controller", at("spec", "controller")),
    Column("Parameters", _parameters),
    AGE,
)


def _target(metric: JsonObject) -> str:
    source = next((value for value in metric.values() if isinstance(value, dict)), {})
    target, name = dig_map(source, "target"), source.get("name") or dig(source, "metric", "name")
    if target.get("averageUtilization") is not None:
        wanted = f"{target['averageUtilization']}%"
    else:
        wanted = str(target.get("averageValue") or target.get("value") or "")
        if metric.get("type") in ("Pods", "Object", "External"):
            return f"{UNKNOWN}/{wanted}" + (" (avg)" if target.get("averageValue") and "pods" not in metric else "")
    return f"{name}: {UNKNOWN}/{wanted}"


def _targets(body: JsonObject, _now: float) -> str:
    shown = [_target(metric) for metric in dig_list(body, "spec", "metrics")]
    return ", ".join(shown[:2]) + (f" + {len(shown) - 2} more..." if len(shown) > 2 else "")


def _scaled(body: JsonObject, _now: float) -> str:
    found = dig_map(body, "spec", "scaleTargetRef")
    return f"{found.get('kind')}/{found.get('name')}"


AUTOSCALER_COLUMNS = (
    NAME,
    Column("Reference", _scaled),
    Column("Targets", _targets),
    Column("MinPods", at("spec", "minReplicas", default="<unset>")),
    Column("MaxPods", at("spec", "maxReplicas"), "integer"),
    Column("Replicas", at("status", "currentReplicas", default=0), "integer"),
    AGE,
)


def _used(*, limits: bool) -> Column:
    def cell(body: JsonObject, _now: float) -> str:
        hard = dig_map(body, "status", "hard")
        used = dig_map(body, "status", "used")
        names = sorted(name for name in hard if name.startswith("limits.") == limits)
        return joined([f"{name}: {used.get(name, 0)}/{hard[name]}" for name in names], "").replace(",", ", ")

    return Column("Limit" if limits else "Request", cell)


QUOTA_COLUMNS = (NAME, AGE, _used(limits=False), _used(limits=True))
