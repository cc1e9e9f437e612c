"""Values as people write them in annotations: each parser returns what is used or raises ValueError with a sentence."""

import json
import math
import re
from collections.abc import Callable
from ipaddress import ip_network

from linkerd_contract.durations import parse_go_duration_ms, parse_ports
from linkerd_rules.injection.tree import JsonObject

_QUANTITY = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(n|u|m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei|[eE][-+]?\d+)?")
_CPU_UNITS = {"n": 1e-9, "u": 1e-6, "m": 1e-3, "": 1.0, "k": 1e3}
_RANGE = re.compile(r"\d+(-\d+)?", re.ASCII)
_PORT_NAME = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")
_IMAGE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@-]*")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")


def words(*allowed: str) -> Callable[[str], str]:
    """One of a few words."""

    def parse(value: str) -> str:
        if value not in allowed:
            raise ValueError(f"{value!r} is not one of {', '.join(repr(word) for word in allowed)}")
        return value

    return parse


def plain(value: str) -> str:
    """Any text that is not empty and has no control characters."""
    if not value.strip() or not value.isprintable():
        raise ValueError(f"{value!r} is empty or not printable")
    return value.strip()


def image(value: str) -> str:
    """An image's name."""
    if not _IMAGE.fullmatch(value):
        raise ValueError(f"{value!r} is not the name of an image")
    return value


def tag(value: str) -> str:
    """An image's tag."""
    if not _TAG.fullmatch(value):
        raise ValueError(f"{value!r} is not the tag of an image")
    return value


def boolean(value: str) -> bool:
    """What Go's strconv.ParseBool takes, as Linkerd reads these annotations."""
    if value in {"1", "t", "T", "true", "TRUE", "True"}:
        return True
    if value in {"0", "f", "F", "false", "FALSE", "False"}:
        return False
    raise ValueError(f"{value!r} is neither true nor false")


def enabled(value: str) -> bool:
    """enabled or disabled."""
    return words("enabled", "disabled")(value) == "enabled"


def integer(minimum: int, maximum: int) -> Callable[[str], int]:
    """A whole number within bounds, both included."""

    def parse(value: str) -> int:
        digits = value[1:] if value.startswith("-") else value
        if not digits.isascii() or not digits.isdecimal() or len(digits) > 18 or not minimum <= int(value) <= maximum:
            raise ValueError(f"{value!r} is not a whole number from {minimum} to {maximum}")
        return int(value)

    return parse


port = integer(1, 65535)


def ratio(value: str) -> float:
    """A number above 0 and below 1."""
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not 0 < number < 1:
        raise ValueError(f"{value!r} is not a number between 0 and 1")
    return number


def duration(value: str) -> str:
    """A duration as the proxy reads it, in milliseconds."""
    return f"{parse_go_duration_ms(value)}ms"


def quantity(value: str) -> str:
    """A Kubernetes quantity, not negative; "" means none."""
    if value and (len(value) > 40 or not _QUANTITY.fullmatch(value)):
        raise ValueError(f"{value!r} is not a quantity such as 100m, 0.5 or 64Mi")
    return value


def cores(cpu: str) -> int:
    """Whole workers for a CPU quantity, rounded up, at least 1 (Linkerd)."""
    match = _QUANTITY.fullmatch(cpu)
    if match is None:
        return 1
    unit = match[2] or ""
    scale = float(f"1{unit}") if unit[:1] in ("e", "E") and len(unit) > 1 else _CPU_UNITS.get(unit, 1.0)
    # 18 digits bound what a hostile exponent can ask for; Kubernetes itself refuses more.
    return max(1, math.ceil(min(round(float(match[1]) * scale, 9), 1e6)))


def port_set(value: str) -> str:
    """Ports and ranges, "80,8000-8100", without white space; may be empty."""
    return join_ranges(parse_ports(value))


def named_port_set(value: str) -> str:
    """Ports, ranges and names of container ports; may be empty."""
    parts = [part.strip() for part in value.split(",") if part.strip()]
    for part in parts:
        if is_range(part):
            parse_ports(part)
        elif not (_PORT_NAME.fullmatch(part) and len(part) <= 63):
            raise ValueError(f"{part!r} is neither a port, nor a range of ports, nor the name of a container's port")
    return ",".join(parts)


def is_range(part: str) -> bool:
    """Whether an item of a list of ports is a number or a range, rather than a name."""
    return _RANGE.fullmatch(part) is not None


def subnets(value: str) -> str:
    """A list of CIDRs; may be empty."""
    return ",".join(str(ip_network(part.strip())) for part in value.split(",") if part.strip())


def env_vars(value: str) -> list[JsonObject]:
    """A JSON array of EnvVar objects."""
    try:
        parsed = json.loads(value)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"not JSON: {error}") from error
    return check_env_vars(parsed)


def check_env_vars(parsed: object) -> list[JsonObject]:
    """EnvVar objects: `name` with `value` (a string) or `valueFrom` (an object)."""
    if not isinstance(parsed, list):
        raise ValueError("must be a list of environment variables")
    for item in parsed:
        if not isinstance(item, dict) or not isinstance(item.get("name"), str) or not item["name"]:
            raise ValueError("each environment variable needs a name")
        if not set(item) <= {"name", "value", "valueFrom"} or ("value" in item and "valueFrom" in item):
            raise ValueError(f"{item['name']}: an environment variable has a value or a valueFrom, and nothing else")
        if not isinstance(item.get("value", ""), str) or not isinstance(item.get("valueFrom", {}), dict):
            raise ValueError(f"{item['name']}: value must be a string, valueFrom an object")
    return parsed


def join_ranges(ranges: list[tuple[int, int]]) -> str:
    """Ranges as text."""
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in ranges)
