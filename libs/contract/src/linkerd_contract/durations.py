"""Durations and port sets as Linkerd writes them in annotations and environment variables."""

import re

_DURATION = re.compile(r"\s*(\d+)(ms|s|m|h|d)?\s*")
_GO_DURATION = re.compile(r"(?:\d+(?:\.\d+)?(?:ns|us|µs|ms|s|m|h|d))+", re.ASCII)
_GO_PART = re.compile(r"(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h|d)", re.ASCII)
_GO_UNITS_MS = {"ns": 1e-6, "us": 1e-3, "µs": 1e-3, "ms": 1.0, "s": 1e3, "m": 6e4, "h": 3.6e6, "d": 8.64e7}
_UNITS_MS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}


def parse_duration_ms(text: str) -> int:
    """Milliseconds of "10s", "250ms" … A number without a unit is legal only when it is 0. Raises ValueError."""
    match = _DURATION.fullmatch(text)
    if match is None or (match[2] is None and int(match[1]) != 0):
        raise ValueError(f"{text!r} is not a duration; write a whole number with ms, s, m, h or d, such as 10s")
    return int(match[1]) * _UNITS_MS[match[2] or "ms"]


def parse_go_duration_ms(text: str) -> int:
    """Milliseconds of a duration as Go writes it (annotations, Helm values): "10s", "24h0m0s", "1.5h", "0".

    Days are allowed besides. Raises ValueError.
    """
    if text == "0":
        return 0
    if len(text) > 40 or not _GO_DURATION.fullmatch(text):
        raise ValueError(f"{text!r} is not a duration such as 10s, 250ms or 1m30s")
    return round(sum(float(amount) * _GO_UNITS_MS[unit] for amount, unit in _GO_PART.findall(text)))


def parse_ports(text: str) -> list[tuple[int, int]]:
    """Ranges, both ends included, of "1-2,42, 80-420". Reversed, half-open and out-of-range ones raise ValueError."""
    ranges = []
    for part in (p.strip() for p in text.split(",")):
        if not part:
            continue
        low, dash, high = part.partition("-")
        if not low.isdecimal() or (dash and not high.isdecimal()):
            raise ValueError(f"{part!r} is not a port or a range of ports such as 80 or 8000-8100")
        first, last = int(low), int(high) if dash else int(low)
        if not 0 < first <= last <= 65535:
            raise ValueError(f"{part!r}: ports go from 1 to 65535, the smaller one first")
        ranges.append((first, last))
    return ranges


def port_in(ranges: list[tuple[int, int]], port: int) -> bool:
    """Whether a port is in one of the ranges."""
    return any(first <= port <= last for first, last in ranges)
