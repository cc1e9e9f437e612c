"""Checks of nodes and priority classes. PURE."""

from typing import Final

from linkerd_sandbox.apiserver.objects import JsonObject, dig, dig_list
from linkerd_sandbox.apiserver.status import Cause
from linkerd_sandbox.apiserver.validation import names
from linkerd_sandbox.apiserver.validation.causes import forbidden, invalid, unsupported

SYSTEM_PRIORITIES: Final = {"system-cluster-critical": 2_000_000_000, "system-node-critical": 2_000_001_000}
_HIGHEST: Final = 1_000_000_000
_RESERVED: Final = "system-"
_EFFECTS: Final = ("NoSchedule", "PreferNoSchedule", "NoExecute")


def priority_class(body: JsonObject, old: JsonObject | None) -> list[Cause]:
    """A PriorityClass."""
    name, value = str(dig(body, "metadata", "name") or ""), body.get("value")
    causes: list[Cause] = []
    if name.startswith(_RESERVED):
        if name not in SYSTEM_PRIORITIES:
            why = f"priority class names with '{_RESERVED}' prefix are reserved for system use only. error: "
            causes.append(forbidden("metadata.name", f"{why}{name} is not a known system priority class"))
    elif isinstance(value, int) and value > _HIGHEST:
        causes.append(forbidden("value", f"maximum allowed value of a user defined priority is {_HIGHEST}"))
    if old is not None:
        if value != old.get("value"):
            causes.append(forbidden("value", "may not be changed in an update."))
        if body.get("preemptionPolicy") != old.get("preemptionPolicy"):
            causes.append(invalid("preemptionPolicy", body.get("preemptionPolicy"), "field is immutable"))
    return causes


def node(body: JsonObject, _old: JsonObject | None) -> list[Cause]:
    """A Node's taints, which Kubernetes' messages place below its metadata."""
    causes: list[Cause] = []
    seen: set[tuple[object, object]] = set()
    for index, taint in enumerate(dig_list(body, "spec", "taints")):
        here = f"metadata.taints[{index}]"
        key, value, effect = (str(taint.get(field) or "") for field in ("key", "value", "effect"))
        for field, text, wrong in (("key", key, names.qualified(key)), ("value", value, names.label_value(value))):
            if wrong:
                causes.append(invalid(f"{here}.{field}", text, wrong))
        if effect not in _EFFECTS:
            causes.append(unsupported(f"{here}.effect", effect, _EFFECTS))
        if (key, effect) in seen:
            shown = "taints must be unique by key and effect pair"
            causes.append(Cause(here, "FieldValueDuplicate", f"Duplicate value: {key}:{effect}: {shown}"))
        seen.add((key, effect))
    return causes
