"""PURE: statuses as they are written: what is shown, what is wanted, and the body that brings one to the other.

Entries of other controllers in `status.parents` are kept. The time of a condition is that of its last change of status.
"""

from linkerd_destination.translate.conditions import Condition
from linkerd_kube import JsonObject
from linkerd_rules.validation.rate_limit import RateLimitPolicy
from linkerd_rules.validation.route import CONTROLLER, BoundRoute, Parent

Subject = BoundRoute | RateLimitPolicy
MAX_MESSAGE = 32768
"""Of a condition (metav1.Condition)."""


def as_shown(subject: Subject, wanted: list[Condition]) -> bool:
    """Whether the status says already what it should."""
    shown = {(s.parent, s.type): (s.status, s.reason, s.generation) for s in subject.shown}
    generation = subject.meta.generation
    return shown == {(c.parent, c.type): (c.status, c.reason, generation) for c in wanted}


def status_of(subject: Subject, wanted: list[Condition], current: JsonObject, now: str) -> JsonObject:
    """The new status of an object whose status is `current`; `now` in RFC 3339."""
    if isinstance(subject, RateLimitPolicy):
        return _limit_status(subject, wanted, current, now)
    before: list[JsonObject] = current.get("parents") or []
    parents = [entry for entry in before if entry.get("controllerName") != CONTROLLER]
    ours = [entry for entry in before if entry.get("controllerName") == CONTROLLER]
    return {"parents": parents + _entries(subject, wanted, ours, now)}


def _limit_status(policy: RateLimitPolicy, wanted: list[Condition], current: JsonObject, now: str) -> JsonObject:
    since = {_since_key({}, one): one.get("lastTransitionTime") for one in current.get("conditions") or []}
    target = {"group": "policy.linkerd.io", "kind": "Server", "namespace": policy.meta.namespace, "name": policy.server}
    return {"conditions": [_condition(policy, {}, one, since, now) for one in wanted], "targetRef": target}


Since = dict[tuple[object, ...], object]


def _entries(route: BoundRoute, wanted: list[Condition], ours: list[JsonObject], now: str) -> list[JsonObject]:
    """An entry for each parent."""
    since: Since = {
        _since_key(entry.get("parentRef") or {}, one): one.get("lastTransitionTime")
        for entry in ours
        for one in entry.get("conditions") or []
    }
    entries: dict[Parent, JsonObject] = {}
    for condition in wanted:
        ref = _parent_ref(condition.parent)
        entry = entries.setdefault(condition.parent, {"parentRef": ref, "controllerName": CONTROLLER, "conditions": []})
        entry["conditions"].append(_condition(route, ref, condition, since, now))
    return list(entries.values())


def _condition(subject: Subject, ref: JsonObject, condition: Condition, since: Since, now: str) -> JsonObject:
    made: JsonObject = {
        "type": condition.type,
        "status": condition.status,
        "reason": condition.reason,
        "message": condition.message[:MAX_MESSAGE],
        "observedGeneration": subject.meta.generation,
    }
    return made | {"lastTransitionTime": since.get(_since_key(ref, made)) or now}


def _since_key(ref: JsonObject, condition: JsonObject) -> tuple[object, ...]:
    parent = tuple(ref.get(name) for name in ("group", "kind", "namespace", "name", "sectionName", "port"))
    return (*parent, condition.get("type"), condition.get("status"))


def _parent_ref(parent: Parent) -> JsonObject:
    ref: JsonObject = {
        "group": parent.ref.group,
        "kind": parent.ref.kind,
        "namespace": parent.ref.namespace,
        "name": parent.ref.name,
    }
    if parent.section:
        ref["sectionName"] = parent.section
    if parent.port:
        ref["port"] = parent.port
    return ref
