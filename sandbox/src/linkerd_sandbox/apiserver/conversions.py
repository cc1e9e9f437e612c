"""Built-in kinds that are served in two versions: autoscaling/v1, which `kubectl autoscale` writes. PURE.

Stored is v2. What v1 has no field for travels in annotations, so that a write in v1 does not lose it. Source:
k8s.io/kubernetes/pkg/apis/autoscaling/v1.
"""

from typing import TypeVar

from linkerd_sandbox.apiserver.kinds import ResourceType
from linkerd_sandbox.apiserver.objects import JsonObject, copy, decode, dig, dig_list, encode

_T = TypeVar("_T")
_OLD = ("autoscaling", "v1", "HorizontalPodAutoscaler")
_STORED = "autoscaling/v2"
_CPU = "targetCPUUtilizationPercentage"
_NEWER = ("currentMetrics", "conditions")
_METRICS = "autoscaling.alpha.kubernetes.io/metrics"
_BEHAVIOR = "autoscaling.alpha.kubernetes.io/behavior"


def converts(kind: ResourceType) -> bool:
    """Whether objects of this kind are stored in another version."""
    return (kind.group, kind.version, kind.kind) == _OLD


def stored(kind: ResourceType, body: JsonObject) -> JsonObject:
    """The object as it is stored."""
    if not converts(kind):
        return body
    changed = copy(body)
    spec, notes = changed.setdefault("spec", {}), dict(dig(changed, "metadata", "annotations") or {})
    metrics: list[JsonObject] = _read(notes.pop(_METRICS, None), list)
    percent = spec.pop(_CPU, None)
    if percent is not None:
        target = {"type": "Utilization", "averageUtilization": percent}
        metrics = [{"type": "Resource", "resource": {"name": "cpu", "target": target}}, *metrics]
    behavior: JsonObject = _read(notes.pop(_BEHAVIOR, None), dict)
    return _with(changed, _STORED, notes, spec | _given(metrics=metrics, behavior=behavior))


def shown(kind: ResourceType, body: JsonObject) -> JsonObject:
    """A stored object in the version that was asked for."""
    if not converts(kind):
        return body
    changed = copy(body)
    spec, notes = changed["spec"], dict(dig(changed, "metadata", "annotations") or {})
    rest = list(dig_list(spec, "metrics"))
    spec.pop("metrics", None)
    percents = [percent for metric in rest if (percent := _cpu_percent(metric)) is not None]
    if percents:
        spec[_CPU] = percents[0]
        rest = [metric for metric in rest if _cpu_percent(metric) != percents[0]]
    for name, value in ((_METRICS, rest), (_BEHAVIOR, spec.pop("behavior", None))):
        if value:
            notes[name] = encode(value).decode()
    status = {key: value for key, value in (changed.get("status") or {}).items() if key not in _NEWER}
    return {**_with(changed, kind.api_version, notes, spec), "status": {"currentReplicas": 0} | status}


def _cpu_percent(metric: JsonObject) -> int | None:
    if metric.get("type") != "Resource" or dig(metric, "resource", "name") != "cpu":
        return None
    percent = dig(metric, "resource", "target", "averageUtilization")
    return percent if isinstance(percent, int) else None


def _read(text: object, form: type[_T]) -> _T:
    """What an annotation holds; one that people have spoiled holds nothing."""
    try:
        value = decode(text) if isinstance(text, str) else None
    except ValueError:
        value = None
    return value if isinstance(value, form) else form()


def _given(**fields: object) -> JsonObject:
    return {key: value for key, value in fields.items() if value}


def _with(body: JsonObject, api_version: str, notes: JsonObject, spec: JsonObject) -> JsonObject:
    meta = {key: value for key, value in body.get("metadata", {}).items() if key != "annotations"}
    return {**body, "apiVersion": api_version, "metadata": meta | _given(annotations=notes), "spec": spec}
