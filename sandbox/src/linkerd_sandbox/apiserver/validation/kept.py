"""Checks of kinds that are stored and not acted upon: ingresses and autoscalers. PURE."""

from linkerd_sandbox.apiserver.objects import JsonObject, dig, dig_list, dig_map
from linkerd_sandbox.apiserver.status import Cause
from linkerd_sandbox.apiserver.validation import names
from linkerd_sandbox.apiserver.validation.causes import invalid, required

_ABSOLUTE = ("Exact", "Prefix")


def ingress(body: JsonObject, _old: JsonObject | None) -> list[Cause]:
    """An Ingress."""
    spec = dig_map(body, "spec")
    causes: list[Cause] = []
    if not spec.get("rules") and not spec.get("defaultBackend"):
        causes.append(invalid("spec", spec, "either `defaultBackend` or `rules` must be specified"))
    for index, rule in enumerate(dig_list(spec, "rules")):
        host, here = rule.get("host") or "", f"spec.rules[{index}]"
        wrong = names.subdomain(host.removeprefix("*.")) if host else None
        if wrong:
            causes.append(invalid(f"{here}.host", host, wrong))
        for number, path in enumerate(dig_list(rule, "http", "paths")):
            causes += _path(path, f"{here}.http.paths[{number}]")
    return causes


def _path(path: JsonObject, here: str) -> list[Cause]:
    kind, text = path.get("pathType"), path.get("path") or ""
    if kind is None:
        return [required(f"{here}.pathType", "pathType must be specified")]
    if kind in _ABSOLUTE and not text.startswith("/"):
        return [invalid(f"{here}.path", text, "must be an absolute path")]
    service = dig(path, "backend", "service")
    if service is not None and not dig(service, "port", "name") and not dig(service, "port", "number"):
        return [required(f"{here}.backend", "port name or number is required")]
    return []


def autoscaler(body: JsonObject, _old: JsonObject | None) -> list[Cause]:
    """A HorizontalPodAutoscaler."""
    spec = dig_map(body, "spec")
    most, least = spec.get("maxReplicas") or 0, spec.get("minReplicas")
    causes = [
        required(f"spec.scaleTargetRef.{field}") for field in ("kind", "name") if not dig(spec, "scaleTargetRef", field)
    ]
    if most < 1:
        causes.append(invalid("spec.maxReplicas", most, "must be greater than 0"))
    if least is not None and least < 1:
        causes.append(invalid("spec.minReplicas", least, "must be greater than or equal to 1"))
    if least is not None and most < least:
        causes.append(invalid("spec.maxReplicas", most, "must be greater than or equal to `minReplicas`"))
    return causes
