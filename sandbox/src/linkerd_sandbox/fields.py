"""Look-ups in API objects whose parts may be missing, and label selectors. PURE.

For the API's clients (controllers, kubelet, service proxy), which do not import the API server.
"""

from collections.abc import Mapping
from typing import Any

from linkerd_kube.objects import JsonObject


def dig(value: object, *path: str) -> Any:
    """The value below `path`, or None where a step is missing."""
    for step in path:
        if not isinstance(value, dict):
            return None
        value = value.get(step)
    return value


def dig_map(value: object, *path: str) -> JsonObject:
    """As `dig`, an empty mapping where there is none."""
    found = dig(value, *path)
    return found if isinstance(found, dict) else {}


def dig_list(value: object, *path: str) -> list[Any]:
    """As `dig`, an empty list where there is none."""
    found = dig(value, *path)
    return found if isinstance(found, list) else []


def labels_of(obj: JsonObject) -> dict[str, str]:
    return dig_map(obj, "metadata", "labels")


def owner_of(obj: JsonObject) -> JsonObject | None:
    """The controlling owner reference."""
    return next((ref for ref in dig_list(obj, "metadata", "ownerReferences") if ref.get("controller")), None)


def selects(selector: JsonObject, labels: Mapping[str, str]) -> bool:
    """Whether a LabelSelector object matches; an empty one matches everything, an unknown operator nothing."""
    if any(labels.get(key) != value for key, value in dig_map(selector, "matchLabels").items()):
        return False
    for expression in dig_list(selector, "matchExpressions"):
        value = labels.get(expression["key"])
        values = expression.get("values") or []
        met = {
            "In": value is not None and value in values,
            "NotIn": value is None or value not in values,
            "Exists": value is not None,
            "DoesNotExist": value is None,
        }
        if not met.get(expression["operator"], False):
            return False
    return True
