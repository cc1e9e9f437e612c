"""Questions that several controllers ask of pods and templates. PURE."""

import json
from datetime import datetime
from typing import Final

from linkerd_kube.objects import JsonObject
from linkerd_sandbox.fields import dig, dig_list

_ALPHABET: Final = "bcdfghjklmnpqrstvwxz2456789"  # k8s.io/apimachinery/pkg/util/rand: no vowels, nothing alike


def seconds_of(time: str) -> float:
    """Unix seconds of an RFC 3339 time."""
    return datetime.fromisoformat(time).timestamp()


def condition(obj: JsonObject, kind: str) -> JsonObject | None:
    return next((c for c in dig_list(obj, "status", "conditions") if c.get("type") == kind), None)


def is_terminating(pod: JsonObject) -> bool:
    return bool(dig(pod, "metadata", "deletionTimestamp"))


def is_active(pod: JsonObject) -> bool:
    """Counts for its ReplicaSet: neither finished nor going."""
    return dig(pod, "status", "phase") not in ("Succeeded", "Failed") and not is_terminating(pod)


def is_ready(pod: JsonObject) -> bool:
    ready = condition(pod, "Ready")
    return ready is not None and ready.get("status") == "True"


def available_in(pod: JsonObject, min_ready_seconds: int, now: float) -> float | None:
    """Seconds until a ready pod counts as available (0 or less: it does); None for one that is not ready."""
    ready = condition(pod, "Ready")
    if ready is None or ready.get("status") != "True":
        return None
    if not min_ready_seconds:
        return 0.0
    return seconds_of(str(ready["lastTransitionTime"])) + min_ready_seconds - now


def fnv32a(data: bytes) -> int:
    value = 0x811C9DC5
    for byte in data:
        value = (value ^ byte) * 0x01000193 & 0xFFFFFFFF
    return value


def short_hash(value: object, salt: str = "") -> str:
    """A name part for a JSON value: FNV-1a in Kubernetes' safe alphabet; equal values give equal names."""
    number = fnv32a(json.dumps(value, sort_keys=True, separators=(",", ":")).encode() + salt.encode())
    return "".join(_ALPHABET[ord(digit) % len(_ALPHABET)] for digit in str(number))
