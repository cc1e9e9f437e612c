"""Pieces that cells are made of: ages, durations, label lists. PURE."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import NamedTuple

from linkerd_sandbox.apiserver.objects import JsonObject, JsonValue, dig, dig_list, dig_map

_MINUTE, _HOUR, _DAY = 60, 3600, 86400

NONE = "<none>"
UNKNOWN = "<unknown>"


class Column(NamedTuple):
    """A column and how its cell is made from an object and the time."""

    name: str
    cell: Callable[[JsonObject, float], JsonValue]
    type: str = "string"
    wide: bool = False
    format: str = ""
    description: str = ""


def seconds_of(text: str | None) -> float | None:
    """Unix seconds of an RFC 3339 time."""
    if not text:
        return None
    try:
        return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()
    except ValueError:
        return None


def human(seconds: float) -> str:
    """A duration as kubectl prints it (k8s.io/apimachinery/pkg/util/duration.HumanDuration)."""
    whole = int(seconds)
    if whole < -1:
        return "<invalid>"
    if whole < 0:
        return "0s"
    if whole < 2 * _MINUTE:
        return f"{whole}s"
    if whole < 10 * _MINUTE:
        rest = whole % _MINUTE
        return f"{whole // _MINUTE}m{rest}s" if rest else f"{whole // _MINUTE}m"
    if whole < 3 * _HOUR:
        return f"{whole // _MINUTE}m"
    if whole < 8 * _HOUR:
        rest = whole // _MINUTE % 60
        return f"{whole // _HOUR}h{rest}m" if rest else f"{whole // _HOUR}h"
    if whole < 2 * _DAY:
        return f"{whole // _HOUR}h"
    if whole < 8 * _DAY:
        rest = whole // _HOUR % 24
        return f"{whole // _DAY}d{rest}h" if rest else f"{whole // _DAY}d"
    if whole < 730 * _DAY:
        return f"{whole // _DAY}d"
    years = whole // (365 * _DAY)
    rest = whole // _DAY % 365
    return f"{years}y{rest}d" if years < 8 and rest else f"{years}y"


def since(text: str | None, now: float) -> str:
    """How long ago a time was."""
    then = seconds_of(text)
    return UNKNOWN if then is None else human(now - then)


def age(body: JsonObject, now: float) -> str:
    """How old an object is."""
    return since(dig(body, "metadata", "creationTimestamp"), now)


def name(body: JsonObject, _now: float) -> str:
    """The object's name."""
    return str(dig(body, "metadata", "name") or "")


def at(*path: str, default: JsonValue = "") -> Callable[[JsonObject, float], JsonValue]:
    """A cell that shows the value at a path."""

    def cell(body: JsonObject, _now: float) -> JsonValue:
        found = dig(body, *path)
        return default if found is None else found

    return cell


def size(*path: str) -> Callable[[JsonObject, float], int]:
    """A cell that counts the items at a path."""
    return lambda body, _now: len(dig(body, *path) or ())


def joined(values: Sequence[str], none: str = NONE) -> str:
    """Values with commas."""
    return ",".join(values) if values else none


def selector_text(selector: JsonObject | None) -> str:
    """A label selector in the form that `-l` takes."""
    if selector is None:
        return NONE
    labels = dig_map(selector, "matchLabels")
    parts = [f"{key}={value}" for key, value in sorted(labels.items())]
    for expression in dig_list(selector, "matchExpressions"):
        key, operator = expression.get("key"), expression.get("operator")
        values = ",".join(sorted(expression.get("values") or ()))
        words = {
            "In": f"{key} in ({values})",
            "NotIn": f"{key} notin ({values})",
            "Exists": key,
            "DoesNotExist": f"!{key}",
        }
        parts.append(str(words.get(operator, "")))
    return joined(parts)


def map_text(labels: JsonObject) -> str:
    """A map as `key=value` with commas."""
    return joined([f"{key}={value}" for key, value in sorted(labels.items())])


NAME = Column("Name", name, format="name", description="Name must be unique within a namespace.")
AGE = Column("Age", age, description="CreationTimestamp is the time when this object was created.")
