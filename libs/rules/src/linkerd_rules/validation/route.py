"""HTTPRoute (policy.linkerd.io, gateway.networking.k8s.io) and GRPCRoute: which requests, what happens, where to.

Parents that are not ours (another controller's Gateway) are left to it: a route with no parent of ours is not checked.
"""

import re
from collections.abc import Callable
from typing import TypeVar

from msgspec import Struct

from linkerd_contract.matching import Condition, Filter, MatchKind, NamedMatch, StringMatch
from linkerd_contract.outbound import Timeouts
from linkerd_rules.validation.annotations import NO_TIMEOUTS, PREFIXES, TrafficAnnotations, read_traffic_annotations
from linkerd_rules.validation.fields import Fields, Problem, is_dns_name
from linkerd_rules.validation.filters import FilterRef, check_header, read_filters
from linkerd_rules.validation.meta import Meta, Reading, Resource, read_document
from linkerd_rules.validation.references import GATEWAY_GROUP, POLICY_GROUP, Ref, read_ref

CONTROLLER = "linkerd.io/policy-controller"
"""Linkerd's name in status.parents[].controllerName."""

_PARENTS = {(POLICY_GROUP, "Server"), ("", "Service")}
_METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH")
_MATCH_KINDS = {"Exact": MatchKind.exact, "PathPrefix": MatchKind.prefix, "RegularExpression": MatchKind.regex}


class Parent(Struct, frozen=True, kw_only=True):
    """What a route is attached to. `port` 0: all ports."""

    ref: Ref
    port: int = 0
    section: str = ""


class Target(Struct, frozen=True, kw_only=True):
    """A backend of a rule. `port` 0: the parent's."""

    ref: Ref
    port: int = 0
    weight: int = 1
    filters: tuple[Filter | FilterRef, ...] = ()


class Rule(Struct, frozen=True, kw_only=True):
    """One rule. No `targets`: the parent itself."""

    matches: tuple[Condition, ...]
    filters: tuple[Filter | FilterRef, ...] = ()
    targets: tuple[Target, ...] = ()
    timeouts: Timeouts = NO_TIMEOUTS


class Shown(Struct, frozen=True, kw_only=True):
    """A condition as the object's status has it for one parent."""

    parent: Parent
    type: str
    status: str
    reason: str
    generation: int = 0


class BoundRoute(Resource, frozen=True, kw_only=True):
    """A route with the parents that are ours."""

    group: str
    kind: str
    parents: tuple[Parent, ...] = ()
    hosts: tuple[StringMatch, ...] = ()
    rules: tuple[Rule, ...] = ()
    traffic: TrafficAnnotations = TrafficAnnotations()
    shown: tuple[Shown, ...] = ()


class LinkerdHttpRoute(BoundRoute, frozen=True, kw_only=True):
    """HTTPRoute of policy.linkerd.io."""


class GatewayHttpRoute(BoundRoute, frozen=True, kw_only=True):
    """HTTPRoute of gateway.networking.k8s.io."""


class GrpcRoute(BoundRoute, frozen=True, kw_only=True):
    """GRPCRoute of gateway.networking.k8s.io."""


def read_linkerd_http_route(obj: object) -> Reading[LinkerdHttpRoute]:
    """An HTTPRoute of policy.linkerd.io."""
    return _read(obj, LinkerdHttpRoute, POLICY_GROUP, "HTTPRoute")


def read_gateway_http_route(obj: object) -> Reading[GatewayHttpRoute]:
    """An HTTPRoute of gateway.networking.k8s.io."""
    return _read(obj, GatewayHttpRoute, GATEWAY_GROUP, "HTTPRoute")


def read_grpc_route(obj: object) -> Reading[GrpcRoute]:
    """A GRPCRoute."""
    return _read(obj, GrpcRoute, GATEWAY_GROUP, "GRPCRoute")


R = TypeVar("R", bound=BoundRoute)


def _read(obj: object, made: type[R], group: str, kind: str) -> Reading[R]:
    shown = _shown(obj, group)

    def read(meta: Meta, annotations: Fields, spec: Fields) -> R:
        spec.raw("useDefaultGateways")
        parents = _parents(spec, meta, group)
        if not parents and spec.has("parentRefs"):
            for name in spec.names():
                spec.raw(name)
            return made(meta=meta, group=group, kind=kind, shown=shown)
        traffic, problems = read_traffic_annotations(
            {name: annotations.text(name) for name in annotations.names() if name.startswith(PREFIXES)}
        )
        spec.problems += problems
        read_matches = _grpc_matches if kind == "GRPCRoute" else _http_matches
        rules = [_rule(fields, meta, read_matches) for fields in spec.children("rules")]
        return made(
            meta=meta,
            group=group,
            kind=kind,
            parents=parents,
            hosts=tuple(_hosts(spec)),
            rules=tuple(rules) or (Rule(matches=(_EVERYTHING,)),),
            traffic=traffic,
            shown=shown,
        )

    return read_document(obj, read)


_EVERYTHING = Condition(path=StringMatch(value="/", kind=MatchKind.prefix))


def _parents(spec: Fields, meta: Meta, group: str) -> tuple[Parent, ...]:
    """The parents that are ours."""
    found: list[Parent] = []
    default = (POLICY_GROUP, "Server") if group == POLICY_GROUP else (GATEWAY_GROUP, "Gateway")
    for fields in spec.children("parentRefs"):
        parent = _parent(fields, meta, *default)
        fields.done()
        if (parent.ref.group, parent.ref.kind) in _PARENTS:
            found.append(parent)
            if parent.ref.kind == "Server" and parent.ref.namespace != meta.namespace:
                fields.problem(
                    "namespace", f"a Server of another namespace cannot be a parent; move to {meta.namespace}"
                )
    return tuple(found)


def _parent(fields: Fields, meta: Meta, group: str, kind: str) -> Parent:
    ref = read_ref(fields, meta.namespace, group, kind)
    return Parent(ref=ref, port=fields.integer("port", 1, 65535) or 0, section=fields.text("sectionName"))


def _hosts(spec: Fields) -> list[StringMatch]:
    found = spec.texts("hostnames")
    for n, host in enumerate(found):
        if not is_dns_name(host.removeprefix("*.")):
            spec.problem(f"hostnames[{n}]", f"{host!r} is not a name in DNS, nor one behind *.")
    return [StringMatch(value=host) for host in found]


def _rule(fields: Fields, meta: Meta, read_matches: Callable[[Fields], Condition]) -> Rule:
    fields.text("name")
    rule = Rule(
        matches=tuple(read_matches(match) for match in fields.children("matches")) or (_EVERYTHING,),
        filters=read_filters(fields),
        targets=tuple(_target(target, meta) for target in fields.children("backendRefs")),
        timeouts=_timeouts(fields),
    )
    fields.done()
    return rule


def _target(fields: Fields, meta: Meta) -> Target:
    ref = read_ref(fields, meta.namespace, "", "Service")
    weight = fields.integer("weight", 0, 1_000_000)
    port = fields.integer("port", 1, 65535) or 0
    if (ref.group, ref.kind) == ("", "Service") and not port:
        fields.problem("port", "is required for a Service")
    target = Target(ref=ref, port=port, weight=1 if weight is None else weight, filters=read_filters(fields))
    fields.done()
    return target


def _timeouts(rule: Fields) -> Timeouts:
    fields = rule.child("timeouts")
    if fields is None:
        return NO_TIMEOUTS
    request, backend = fields.duration_ms("request"), fields.duration_ms("backendRequest")
    if request and backend and backend > request:
        fields.problem("backendRequest", "must not be longer than request")
    fields.done()
    return Timeouts(request_ms=request or None, response_ms=backend or None) if request or backend else NO_TIMEOUTS


def _http_matches(fields: Fields) -> Condition:
    path = fields.child("path")
    condition = Condition(
        path=_EVERYTHING.path if path is None else _path(path),
        method=fields.choice("method", _METHODS) or None,
        headers=_named(fields, "headers"),
        query=_named(fields, "queryParams"),
    )
    fields.done()
    return condition


def _path(fields: Fields) -> StringMatch:
    kind = _MATCH_KINDS[fields.choice("type", _MATCH_KINDS, "PathPrefix") or "PathPrefix"]
    if kind is MatchKind.regex:
        value = fields.regex("value", required=True)
    else:
        value = fields.text("value", "/")
        if not value.startswith("/"):
            fields.problem("value", f"{value!r} must begin with /")
    fields.done()
    return StringMatch(value=value, kind=kind)


def _named(parent: Fields, name: str) -> list[NamedMatch]:
    found: list[NamedMatch] = []
    for fields in parent.children(name):
        kind = _MATCH_KINDS[fields.choice("type", ("Exact", "RegularExpression"), "Exact") or "Exact"]
        value = fields.regex("value", required=True) if kind is MatchKind.regex else fields.text("value", required=True)
        named = fields.text("name", required=True)
        if name == "headers":
            check_header(fields, "name", named)
        if not any(named.lower() == other.name.lower() for other in found):  # the first counts (Gateway API)
            found.append(NamedMatch(name=named, match=StringMatch(value=value, kind=kind)))
        fields.done()
    return found


def _grpc_matches(fields: Fields) -> Condition:
    method = fields.child("method")
    condition = Condition(
        path=_EVERYTHING.path if method is None else _grpc_path(method), headers=_named(fields, "headers")
    )
    fields.done()
    return condition


def _grpc_path(fields: Fields) -> StringMatch:
    """gRPC's path is /package.Service/Method."""
    kind = fields.choice("type", ("Exact", "RegularExpression"), "Exact")
    if not fields.has("service") and not fields.has("method"):
        fields.problem("", "set service, method or both")
    if kind == "RegularExpression":
        service = fields.regex("service") or "[^/]+"
        method = fields.regex("method") or "[^/]+"
        fields.done()
        return StringMatch(value=f"/(?:{service})/(?:{method})", kind=MatchKind.regex)
    service, method = fields.text("service"), fields.text("method")
    for name, text in (("service", service), ("method", method)):
        if "/" in text:
            fields.problem(name, f"{text!r} must not have a / in it")
    fields.done()
    if service and method:
        return StringMatch(value=f"/{service}/{method}")
    if service:
        return StringMatch(value=f"/{service}", kind=MatchKind.prefix)
    return StringMatch(value=f"/[^/]+/{re.escape(method)}", kind=MatchKind.regex)


def _shown(obj: object, group: str) -> tuple[Shown, ...]:
    """Our conditions in the status; what is not as it should be is left out, and so written again."""
    problems: list[Problem] = []
    root = Fields(obj, "", problems)
    meta = Meta(namespace=Fields(root.raw("metadata") or {}, "", []).text("namespace"), name="")
    status = root.child("status")
    default = (POLICY_GROUP, "Server") if group == POLICY_GROUP else (GATEWAY_GROUP, "Gateway")
    found: list[Shown] = []
    for entry in status.children("parents") if status is not None else ():
        ref = entry.child("parentRef")
        if entry.text("controllerName") != CONTROLLER or ref is None:
            continue
        parent = _parent(ref, meta, *default)
        found += [read_shown(one, parent) for one in entry.children("conditions")]
    return tuple(found)


def read_shown(condition: Fields, parent: Parent) -> Shown:
    """One condition of a status."""
    return Shown(
        parent=parent,
        type=condition.text("type"),
        status=condition.text("status"),
        reason=condition.text("reason"),
        generation=condition.integer("observedGeneration", 0, 2**63) or 0,
    )
